import type { FrameHandler } from './handlers.ts'

export const sendMessage: FrameHandler<'sendMessage'> = ({ sends }, connection, frame) => {
  void sends.take(connection, frame)
}
