import { type FaultProxy, faultProxy } from './fault-proxy.ts'
import { KAFKA, type ProduceRequest, produceRequest, withPorts } from './kafka-wire.ts'

/** Stands before Kafka's brokers on this machine and reads what is asked of them. */
export interface KafkaRelay extends AsyncDisposable {
  readonly brokers: readonly string[]
  readonly produced: readonly ProduceRequest[]
  /** One before each broker. */
  readonly proxies: readonly FaultProxy[]
}

/**
 * Clients reach each of `brokers`, which need not know of it, only through the relay: it puts its own ports into the
 * replies that name theirs.
 */
export async function kafkaRelay(brokers: readonly string[]): Promise<KafkaRelay> {
  await using stack = new AsyncDisposableStack()
  const produced: ProduceRequest[] = []
  const ports = new Map<string, number>()
  const proxies: FaultProxy[] = []
  for (const broker of brokers) {
    const proxy = await faultProxy(`kafka://${broker}`, {
      protocol: KAFKA,
      onRequest: (request) => {
        const found = produceRequest(request)
        if (found !== undefined) produced.push(found)
      },
      changeReply: (reply) => withPorts(reply, ports),
    })
    proxies.push(stack.use(proxy))
    ports.set(broker, Number(new URL(proxy.url).port))
  }
  const own = [...ports].map(([broker, port]) => broker.replace(/:\d+$/, `:${port}`))
  const everything = stack.move()
  return { brokers: own, produced, proxies, [Symbol.asyncDispose]: () => everything.disposeAsync() }
}
