import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Nemesis } from '../nemesis.ts'
import { call } from './rest.ts'
import type { StormOrder, StormPlan, StormState } from './storm-sockets.ts'

const FILE = fileURLToPath(new URL('./storm-sockets.ts', import.meta.url))

/** Thousands of sockets of a crowd's people in a process of their own, beside the recorded ones. */
export class Storm implements AsyncDisposable {
  #state: StormState = { joined: 0, drops: 0 }
  #drops = 0
  readonly #child: ChildProcess

  /** Each person's sockets are in a room of its own, in which nobody writes. */
  static async of(
    { crowd, stack }: Nemesis,
    options: Pick<StormPlan, 'sockets' | 'perSecond'>,
  ): Promise<Storm> {
    const people: { readonly token: string; readonly roomId: string }[] = []
    for (const { token, name } of crowd.clients) {
      const { status, body } = await call(`${stack.apiUrl}/rooms`, {
        body: { name, visibility: 'private' },
        token,
      })
      if (status !== 201) throw new Error(`a room was answered with ${status}`)
      people.push({ token, roomId: body.room.id })
    }
    return new Storm({ ...options, people, urls: stack.wsUrls })
  }

  constructor(plan: StormPlan) {
    this.#child = fork(FILE, { execArgv: [] })
    this.#child.on('message', (state) => {
      this.#state = state as StormState
    })
    this.#tell({ do: 'open', plan })
  }

  get joined(): number {
    return this.#state.drops === this.#drops ? this.#state.joined : 0
  }

  /** All connections are lost; all come back at once. */
  drop(): void {
    this.#drops += 1
    this.#tell({ do: 'drop' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    if (this.#child.exitCode === null && this.#child.signalCode === null) await ended
  }

  #tell(order: StormOrder): void {
    this.#child.send(order)
  }
}
