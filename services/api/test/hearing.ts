import { connect } from '@roomlog/db'
import { type Channel, connectLive, type Live, type Signal } from '@roomlog/live'
import { newId } from '@roomlog/protocol'
import { type FaultProxy, faultProxy, namespace, redis, suiteOn } from '@roomlog/testkit'
import { expect, vi } from 'vitest'
import { silent, type TestDatabase } from './support.ts'

export type EngineName = 'embedded' | 'full'

/** The same suite over both engines; of the full one an api knows Redis alone. */
export function suiteOnEngines(name: string, body: (engine: EngineName) => void): void {
  suiteOn(['postgres'], `${name}, on the embedded engine`, () => body('embedded'))
  suiteOn(['postgres', 'redis'], `${name}, on the full engine`, () => body('full'))
}

/** A live store of an engine, reached over a proxy of its own. */
export interface LiveStore extends AsyncDisposable {
  readonly proxy: FaultProxy
  /** One more process's adapter, which is connected. */
  open(): Promise<Live>
}

export async function liveStore(engine: EngineName, database: TestDatabase): Promise<LiveStore> {
  await using stack = new AsyncDisposableStack()
  const ns = namespace()
  const store = engine === 'full' ? stack.use(await redis(ns)) : undefined
  const proxy = stack.use(await faultProxy(store?.url ?? database.url))
  const open = async () => {
    const pool = connect({ url: proxy.url, applicationName: 'live-test' })
    const settings = engine === 'full' ? { redisUrl: proxy.url } : { database: pool }
    const live = connectLive({ engine, namespace: ns, ...settings }, silent)
    resources.defer(() => pool.close())
    resources.defer(() => live.close())
    await vi.waitFor(() => live.ping(), { timeout: 10_000 })
    return live
  }
  const resources = stack.move()
  return { proxy, open, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

export async function isUp(live: Live): Promise<boolean> {
  return live.ping().then(
    () => true,
    () => false,
  )
}

/** All signals of the channels from now on, but presence; resolves when listening has begun. */
export async function hear(live: Live, ...channels: readonly Channel[]): Promise<readonly Signal[]> {
  const heard: Signal[] = []
  let isListening = false
  const nowhere = async () => new Map<string, readonly string[]>()
  live.signals.listen((signal) => {
    if (signal.type === 'presence') isListening = true
    else heard.push(signal)
  })
  await vi.waitFor(
    async () => {
      await live.presence.connected([{ userId: newId(), socketId: newId() }], nowhere)
      expect(isListening).toBe(true)
    },
    { timeout: 10_000 },
  )
  for (const channel of channels) await live.signals.watch(channel)
  return heard
}

export const roomChannel = (roomId: string): Channel => ({ kind: 'room', roomId })
export const userChannel = (userId: string): Channel => ({ kind: 'user', userId })
