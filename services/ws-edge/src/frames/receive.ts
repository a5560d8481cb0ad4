import {
  type ClientFrame,
  type ClientFrameSchemas,
  type DecodedFrame,
  decodeClientFrame,
} from '@roomlog/protocol'
import type { Connection } from '../sockets/connection.ts'
import { type EdgeContext, type FrameHandler, HANDLERS } from './handlers.ts'
import { refOf } from './ref.ts'

/** Takes a text frame: to its handler, or answers what is wrong with it. */
export function receive(edge: EdgeContext, schemas: ClientFrameSchemas) {
  return (connection: Connection, text: string): void => {
    const decoded = decodeClientFrame(schemas, text)
    if (decoded.kind === 'frame') handle(edge, connection, decoded.frame)
    else refuse(edge, connection, decoded)
  }
}

function handle(edge: EdgeContext, connection: Connection, frame: ClientFrame): void {
  // The table has for each type its own handler; that the two belong together is lost to the compiler in the look-up.
  const handler = HANDLERS[frame.type] as FrameHandler<ClientFrame['type']>
  handler(edge, connection, frame)
}

function refuse(
  edge: EdgeContext,
  connection: Connection,
  decoded: Exclude<DecodedFrame, { readonly kind: 'frame' }>,
): void {
  if (decoded.kind === 'bad_frame') {
    const { message } = decoded
    connection.send({ type: 'error', code: 'bad_frame', message, retryable: false, ...refOf(decoded) })
    connection.badFrame()
    return
  }
  const { type, message, roomId, clientMsgId } = decoded
  if (type === 'sendMessage' && roomId !== undefined && clientMsgId !== undefined) {
    edge.sends.refuse(connection, { roomId, clientMsgId, ...refOf(decoded) }, 'validation_failed')
    return
  }
  const room = roomId === undefined ? {} : { roomId }
  connection.send({
    type: 'error',
    code: 'validation_failed',
    message,
    retryable: false,
    ...room,
    ...refOf(decoded),
  })
}
