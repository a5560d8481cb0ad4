import { controlledKafka, controlledRedis } from '@roomlog/testkit/proof'
import type { EngineName, Stack } from '../../chaos/stack.ts'
import { roomlogOf } from '../roomlog.ts'

/** No limit of what one user or one room may do is what is measured. */
export const UNLIMITED = {
  ROOM_MESSAGES_PER_SECOND: '100000',
  MESSAGES_PER_SECOND: '100000',
  MESSAGE_BURST: '100000',
  FRAMES_PER_SECOND: '100000',
}

/** A whole Roomlog, its services and servers, whose processes are known. */
export interface System extends AsyncDisposable {
  readonly stack: Stack
  readonly url: string
  /** `host:port`; undefined where it has no Kafka. */
  readonly kafka: string | undefined
  /** Of every process, or of the edge alone. */
  readonly pids: () => Readonly<Record<string, number>>
}

/** Kafka is reached directly: with a relay in this process before it, that would be measured too. */
export async function systemOf(engine: EngineName): Promise<System> {
  await using stack = new AsyncDisposableStack()
  const isFull = engine === 'full'
  const kafka = isFull ? stack.use(await controlledKafka({ brokers: 1 })) : undefined
  const redis = isFull ? stack.use(await controlledRedis()) : undefined
  const env = {
    ...UNLIMITED,
    ...(kafka === undefined ? {} : { KAFKA_BROKERS: kafka.direct.join() }),
    ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
  }
  const roomlog = stack.use(await roomlogOf({ engine, env }))
  const everything = stack.move()
  return {
    stack: roomlog,
    url: roomlog.wsUrls[0] ?? '',
    kafka: kafka?.direct[0],
    pids: () => {
      const services = roomlog.names.map((name) => [name, roomlog.pidOf(name)] as const)
      const servers = [
        ['postgres', roomlog.servers.postgres.pid],
        ['kafka', kafka?.nodes[0]?.pid],
        ['redis', redis?.pid],
      ] as const
      const running = [...services, ...servers].filter(([, pid]) => pid !== undefined)
      return Object.fromEntries(running) as Record<string, number>
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}
