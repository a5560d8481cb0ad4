/** How a stream of bytes is made of messages, and which reply is whose. */
export interface WireProtocol {
  /** Of one direction of one connection: takes what has come and gives the messages that it completes. */
  readonly messages: () => (chunk: Buffer) => readonly Buffer[]
  readonly answers: (request: Buffer, reply: Buffer) => boolean
}

/** For protocols with one question at a time: what comes together is one message, what comes next is the reply. */
export const CHUNKS: WireProtocol = {
  messages: () => (chunk) => [chunk],
  answers: () => true,
}
