import type { WireProtocol } from './wire.ts'

const PRODUCE = 0
const SIZE_BYTES = 4
/** Size, api key, api version; a reply has it after its size. */
const CORRELATION_ID_AT = 8
/** Size, api key, api version, correlation id. */
const CLIENT_ID_AT = 12

/** Every request and reply begins with its size. */
export const KAFKA: WireProtocol = {
  messages: () => {
    let rest: Buffer = Buffer.alloc(0)
    return (chunk) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const frames: Buffer[] = []
      while (rest.length >= SIZE_BYTES) {
        const end = SIZE_BYTES + rest.readInt32BE()
        if (rest.length < end) break
        frames.push(rest.subarray(0, end))
        rest = rest.subarray(end)
      }
      return frames
    }
  },
  answers: (request, reply) => request.readInt32BE(CORRELATION_ID_AT) === reply.readInt32BE(SIZE_BYTES),
}

/** For `loseNextReply`: whether a client of Kafka sends records. */
export function isProduce(request: Buffer): boolean {
  return request.readInt16BE(SIZE_BYTES) === PRODUCE
}

/** What a client asked of a broker when it sent records. */
export interface ProduceRequest {
  readonly clientId: string
  readonly acks: number
}

/** Undefined: the request is another. Read as versions 3 to 8 have it, which kafkajs speaks. */
export function produceRequest(request: Buffer): ProduceRequest | undefined {
  if (!isProduce(request)) return undefined
  const clientId = stringAt(request, CLIENT_ID_AT)
  const transactionalId = stringAt(request, clientId.end)
  return { clientId: clientId.text, acks: request.readInt16BE(transactionalId.end) }
}

/** A length below 0 is no string at all. */
function stringAt(frame: Buffer, at: number): { readonly text: string; readonly end: number } {
  const begin = at + 2
  const end = begin + Math.max(0, frame.readInt16BE(at))
  return { text: frame.toString('utf8', begin, end), end }
}

/** The reply with other ports for the addresses in it: the host's name, then its port in four bytes. */
export function withPorts(reply: Buffer, ports: ReadonlyMap<string, number>): Buffer {
  const changed = Buffer.from(reply)
  for (const [broker, ownPort] of ports) {
    const { hostname, port } = new URL(`kafka://${broker}`)
    const address = Buffer.concat([Buffer.from(hostname), int32(Number(port))])
    for (let at = changed.indexOf(address); at >= 0; at = changed.indexOf(address, at + 1))
      int32(ownPort).copy(changed, at + hostname.length)
  }
  return changed
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
