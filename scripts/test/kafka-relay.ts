import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const PRODUCE = 0
const SIZE_BYTES = 4
/** Size, api key, api version, correlation id. */
const CLIENT_ID_AT = 12

/** What a client asked of a broker when it sent records. */
export interface ProduceRequest {
  readonly clientId: string
  readonly acks: number
}

/** Stands before Kafka's brokers on this machine and reads what is asked of them. */
export interface KafkaRelay extends AsyncDisposable {
  readonly brokers: readonly string[]
  readonly produced: readonly ProduceRequest[]
}

/** Clients reach each of `brokers` only through the relay: it puts its own ports into the answers that name theirs. */
export async function kafkaRelay(brokers: readonly string[]): Promise<KafkaRelay> {
  await using stack = new AsyncDisposableStack()
  const produced: ProduceRequest[] = []
  const ports = new Map<string, number>()
  for (const broker of brokers) {
    const { hostname, port } = new URL(`kafka://${broker}`)
    const server = createServer((client) => {
      const upstream = connect(Number(port), hostname)
      eachFrame(client, (frame) => {
        const request = produceRequest(frame)
        if (request !== undefined) produced.push(request)
        upstream.write(frame)
      })
      eachFrame(upstream, (frame) => client.write(withPorts(frame, ports)))
      endTogether(client, upstream)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    stack.defer(() => void server.close())
    ports.set(broker, (server.address() as AddressInfo).port)
  }
  const own = [...ports].map(([broker, port]) => broker.replace(/:\d+$/, `:${port}`))
  const everything = stack.move()
  return { brokers: own, produced, [Symbol.asyncDispose]: () => everything.disposeAsync() }
}

/** Every request and answer begins with its size. */
function eachFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= SIZE_BYTES) {
      const end = SIZE_BYTES + rest.readInt32BE()
      if (rest.length < end) return
      take(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  })
}

function endTogether(...sockets: readonly Socket[]): void {
  for (const socket of sockets) {
    socket.on('error', () => undefined)
    socket.on('close', () => {
      for (const other of sockets) other.destroy()
    })
  }
}

/** Undefined: the request is another. Read as versions 3 to 8 have it, which kafkajs speaks. */
function produceRequest(frame: Buffer): ProduceRequest | undefined {
  if (frame.readInt16BE(SIZE_BYTES) !== PRODUCE) return undefined
  const clientId = stringAt(frame, CLIENT_ID_AT)
  const transactionalId = stringAt(frame, clientId.end)
  return { clientId: clientId.text, acks: frame.readInt16BE(transactionalId.end) }
}

/** A length below 0 is no string at all. */
function stringAt(frame: Buffer, at: number): { readonly text: string; readonly end: number } {
  const begin = at + 2
  const end = begin + Math.max(0, frame.readInt16BE(at))
  return { text: frame.toString('utf8', begin, end), end }
}

/** An address in an answer is the host's name, then its port in four bytes. */
function withPorts(frame: Buffer, ports: ReadonlyMap<string, number>): Buffer {
  const changed = Buffer.from(frame)
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
