import type { ClientFrame } from '@roomlog/protocol/wire'
import type { Platform } from '../platform/platform.ts'
import { Timer } from '../platform/timer.ts'
import type { OutboxEffect, OutboxEvent } from './outbox-events.ts'
import { EMPTY_OUTBOX, nextDueMs, type Send, sendsTo, stepOutbox } from './outbox-state.ts'
import type { OutboxStore } from './outbox-store.ts'

/** Tabs that are gone are looked for so often, and at each connect. */
const ADOPT_INTERVAL_MS = 60_000

export interface OutboxOptions {
  readonly platform: Platform
  readonly store: OutboxStore | Promise<OutboxStore>
  readonly write: (frame: ClientFrame) => void
  /** A send is new, has a new state or was discarded; after `persisted` the outbox knows it no more. */
  readonly onChanged: (send: Send) => void
}

/** Sends until they are stored: does what `stepOutbox` says, and keeps what is on its way. */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #store: Promise<OutboxStore>
  #loaded: OutboxStore | undefined
  #state = EMPTY_OUTBOX
  readonly #timer: Timer
  readonly #adoptTimer: Timer
  #isClosed = false

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#timer = new Timer(options.platform)
    this.#adoptTimer = new Timer(options.platform)
    this.#store = Promise.resolve(options.store).then((store) => {
      this.#loaded = store
      return store
    })
    this.#adopt()
  }

  /** Whether what is on its way outlives this page. */
  get isKept(): boolean {
    return this.#loaded?.isKept === true
  }

  /** What is on its way to a room, in the order of sending. */
  sendsTo(roomId: string): readonly Send[] {
    return sendsTo(this.#state, roomId)
  }

  /** Queues a message; it is sent when it is its turn. The answer is how it stands at first. */
  send(roomId: string, body: string): Send {
    const { newId, wallMs } = this.#options.platform
    const createdAt = new Date(wallMs()).toISOString()
    const send = { clientMsgId: newId(), roomId, body, createdAt }
    this.feed({ type: 'queue', send })
    return { ...send, state: 'queued', attempts: 0 }
  }

  /** Sends one that was refused once more, behind the others of its room. */
  retry(send: Send): void {
    // Then its id belongs to another message for ever.
    const isReused = send.code === 'client_msg_id_reused'
    this.feed({ ...send, type: isReused ? 'discard' : 'retry' })
    if (isReused) this.send(send.roomId, send.body)
  }

  /** Takes what has happened. */
  feed(event: OutboxEvent): void {
    if (this.#isClosed) return
    if (event.type === 'connected') this.#adopt()
    const { platform } = this.#options
    const moment = { nowMs: platform.monotonicMs(), draw: platform.random() }
    const [state, effects] = stepOutbox(this.#state, event, moment)
    this.#state = state
    for (const effect of effects) this.#run(effect, event.type !== 'adopt')
    // Whoever was told may have sent more.
    const dueMs = nextDueMs(this.#state)
    if (dueMs === undefined) this.#timer.clear()
    else this.#timer.set(Math.max(0, Math.ceil(dueMs - moment.nowMs)), () => this.feed({ type: 'timer' }))
  }

  /** Forgets everything, what is kept too. */
  async clear(): Promise<void> {
    this.#stop()
    this.#state = EMPTY_OUTBOX
    const store = await this.#store
    await store.clear()
    store.close()
  }

  /** What is on its way stays kept, for the next page or another tab. */
  close(): void {
    this.#stop()
    this.#keep((store) => store.close())
  }

  #stop(): void {
    this.#isClosed = true
    this.#timer.clear()
    this.#adoptTimer.clear()
  }

  #run(effect: OutboxEffect, isToKeep: boolean): void {
    const { write, onChanged } = this.#options
    switch (effect.type) {
      case 'write':
        write(effect.frame)
        return
      case 'changed': {
        const { send } = effect
        const { state, code } = send
        if (state === 'persisted') this.#keep((store) => store.remove(send.clientMsgId))
        // Of one that will be repeated the reason is no refusal.
        else if (isToKeep && (state === 'rejected' || (state === 'queued' && code === undefined)))
          this.#keep((store) => store.put(send))
        onChanged(send)
        return
      }
      case 'discarded':
        this.#keep((store) => store.remove(effect.send.clientMsgId))
        onChanged(effect.send)
        return
    }
  }

  #adopt(): void {
    this.#adoptTimer.set(ADOPT_INTERVAL_MS, () => this.#adopt())
    this.#keep(async (store) => {
      const sends = await store.adopt()
      if (sends.length > 0) this.feed({ type: 'adopt', sends })
    })
  }

  /** In the order asked for; nothing here rejects. */
  #keep(act: (store: OutboxStore) => unknown): void {
    void this.#store.then(act)
  }
}
