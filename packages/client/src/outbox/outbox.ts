import type { ClientFrame, FrameErrorCode, ServerFrameOf } from '@roomlog/protocol/wire'
import type { Platform } from '../platform/platform.ts'
import {
  EMPTY_OUTBOX,
  nextDueMs,
  type OutboxEffect,
  type OutboxEvent,
  type Send,
  sendsTo,
  stepOutbox,
} from './outbox-state.ts'
import type { OutboxStore } from './outbox-store.ts'

/** Tabs that are gone are looked for so often, and at each connect. */
const ADOPT_INTERVAL_MS = 60_000

export interface OutboxOptions {
  readonly platform: Platform
  readonly store: OutboxStore
  readonly write: (frame: ClientFrame) => void
  /** A send has a new state; after `persisted` the outbox knows it no more. */
  readonly onChanged: (send: Send) => void
  readonly onDiscarded: (send: Send) => void
}

/** Sends until they are stored: does what `stepOutbox` says, and keeps what is on its way. */
export class Outbox {
  readonly #options: OutboxOptions
  #state = EMPTY_OUTBOX
  #timer: unknown
  #adoptTimer: unknown
  #isClosed = false

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#adopt()
  }

  /** Whether what is on its way outlives this page. */
  get isKept(): boolean {
    return this.#options.store.isKept
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
    this.#feed({ type: 'queue', send })
    return { ...send, state: 'queued', attempts: 0 }
  }

  /** Sends one that was refused once more, behind the others of its room. */
  retry({ roomId, clientMsgId, code, body }: Send): void {
    if (code !== 'client_msg_id_reused') {
      this.#feed({ type: 'retry', roomId, clientMsgId })
      return
    }
    // Its id belongs to another message for ever.
    this.discard({ roomId, clientMsgId })
    this.send(roomId, body)
  }

  /** Forgets a send. One that was given to an edge already may appear all the same. */
  discard({ roomId, clientMsgId }: Pick<Send, 'roomId' | 'clientMsgId'>): void {
    this.#feed({ type: 'discard', roomId, clientMsgId })
  }

  connected(maxUnacked: number): void {
    this.#feed({ type: 'connected', maxUnacked })
    this.#adopt()
  }

  lost(): void {
    this.#feed({ type: 'lost' })
  }

  acked({ roomId, clientMsgId, ...answer }: ServerFrameOf<'ack'>): void {
    this.#feed({ type: 'ack', roomId, clientMsgId, answer })
  }

  /** A message of one's own stands in the room's log. */
  seen(message: { readonly roomId: string; readonly clientMsgId: string; readonly seq: number }): void {
    const { roomId, clientMsgId, seq } = message
    this.#feed({ type: 'seen', roomId, clientMsgId, seq })
  }

  refused(roomId: string, clientMsgId: string, code: FrameErrorCode): void {
    this.#feed({ type: 'refused', roomId, clientMsgId, code })
  }

  /** Forgets everything, what is kept too. */
  async clear(): Promise<void> {
    this.#stop()
    this.#state = EMPTY_OUTBOX
    await this.#options.store.clear()
    this.#options.store.close()
  }

  /** What is on its way stays kept, for the next page or another tab. */
  close(): void {
    this.#stop()
    this.#options.store.close()
  }

  #stop(): void {
    this.#isClosed = true
    this.#options.platform.clearTimeout(this.#timer as never)
    this.#options.platform.clearTimeout(this.#adoptTimer as never)
  }

  #feed(event: OutboxEvent): void {
    if (this.#isClosed) return
    const { platform } = this.#options
    const moment = { nowMs: platform.monotonicMs(), draw: platform.random() }
    const [state, effects] = stepOutbox(this.#state, event, moment)
    this.#state = state
    for (const effect of effects) this.#run(effect, event.type !== 'adopt')
    platform.clearTimeout(this.#timer as never)
    const dueMs = nextDueMs(state)
    if (dueMs === undefined) return
    this.#timer = platform.setTimeout(
      () => this.#feed({ type: 'timer' }),
      Math.max(0, Math.ceil(dueMs - moment.nowMs)),
    )
  }

  #run(effect: OutboxEffect, isToKeep: boolean): void {
    const { store, write, onChanged, onDiscarded } = this.#options
    switch (effect.type) {
      case 'write':
        write(effect.frame)
        return
      case 'changed': {
        const { send } = effect
        if (send.state === 'persisted') void store.remove(send.clientMsgId)
        // Of one that will be repeated the reason is no refusal.
        else if (send.state === 'rejected') void store.put(send)
        else if (isToKeep && send.state === 'queued' && send.code === undefined) void store.put(kept(send))
        onChanged(send)
        return
      }
      case 'discarded':
        void store.remove(effect.send.clientMsgId)
        onDiscarded(effect.send)
        return
    }
  }

  #adopt(): void {
    const { platform, store } = this.#options
    platform.clearTimeout(this.#adoptTimer as never)
    this.#adoptTimer = platform.setTimeout(() => this.#adopt(), ADOPT_INTERVAL_MS)
    void store.adopt().then((sends) => {
      if (sends.length > 0) this.#feed({ type: 'adopt', sends })
    })
  }
}

function kept({ clientMsgId, roomId, body, createdAt }: Send) {
  return { clientMsgId, roomId, body, createdAt }
}
