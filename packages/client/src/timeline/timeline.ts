import type { ClientFrame, History, Message } from '@roomlog/protocol/wire'
import type { Send } from '../outbox/outbox-state.ts'
import { Emitter } from '../platform/emitter.ts'
import type { Platform } from '../platform/platform.ts'
import { Cell, type Value } from '../platform/value.ts'
import { isRetryable } from '../session/errors.ts'
import { newerPage, olderPage, PAGE_LIMIT, type PageAsked, pageAround, runOf } from './pages.ts'
import { stepRoomView } from './room-view.ts'
import type { PageRead, RoomViewEffect, RoomViewEvent } from './room-view-events.ts'
import { isDue, newRoomView, type RoomView } from './room-view-state.ts'
import type { TimelineEvents, TimelineSnapshot } from './timeline-snapshot.ts'
import { appended, holds, isAtEnd, lookingAt, movedToEnd, newWindow, type TimelineWindow } from './window.ts'

const MAX_WAITING = 1000
const MAX_MESSAGES = 500

export interface TimelineOptions {
  readonly platform: Platform
  readonly roomId: string
  readonly write: (frame: ClientFrame) => void
  readonly readPage: (roomId: string, read: PageRead) => Promise<History>
  /** What is on its way, in the order of sending. */
  readonly sends: () => readonly Send[]
  /** Messages held at most; default 500. */
  readonly maxMessages?: number | undefined
  /** About to be shown: those of one's own are on their way no more. */
  readonly onMessages: (messages: readonly Message[]) => void
  readonly onClose: () => void
}

type EffectOf<T extends RoomViewEffect['type']> = Extract<RoomViewEffect, { type: T }>

/** One room, followed live and paged back: `RoomView` decides what may be shown, `TimelineWindow` what is held of it. */
export class Timeline {
  readonly roomId: string
  readonly #options: TimelineOptions
  readonly #events = new Emitter<TimelineEvents>()
  readonly #snapshot: Cell<TimelineSnapshot>
  #view: RoomView = newRoomView({ from: 'newest', pageLimit: PAGE_LIMIT, maxWaiting: MAX_WAITING })
  #window: TimelineWindow
  /** Stored, and not come as messages yet; with the connection over which that was told. */
  #landing: readonly (readonly [Send, number | undefined])[] = []
  #loading: Promise<void> | undefined
  /** While one thing changes after the other nobody is told of what is between. */
  #isChanging = false
  #isClosed = false

  constructor(options: TimelineOptions) {
    this.#options = options
    this.roomId = options.roomId
    this.#window = newWindow(options.maxMessages ?? MAX_MESSAGES)
    this.#snapshot = new Cell(this.#take())
  }

  get snapshot(): Value<TimelineSnapshot> {
    return this.#snapshot
  }

  /** Calls `listener` at each such event; the answer ends that. */
  on<Name extends keyof TimelineEvents>(
    name: Name,
    listener: (event: TimelineEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener)
  }

  /** The epoch of the log that is shown, once that is known. */
  get epoch(): string | undefined {
    return this.#view.epoch
  }

  /** Reads the page before what is held. Resolves when that is done; does nothing where there is none. */
  loadOlder(): Promise<void> {
    return this.#load(() => olderPage(this.#window))
  }

  /** Reads the page behind what is held, where that is not the newest. */
  loadNewer(): Promise<void> {
    return this.#load(() => newerPage(this.#window))
  }

  /** Holds what is around this seq; the first unread message has the seq `lastReadSeq + 1`. */
  jumpTo(seq: number): Promise<void> {
    return this.#load(() => {
      if (!holds(this.#window, seq)) return pageAround(this.#window, seq)
      this.lookAt(seq)
      return undefined
    })
  }

  /** Back to the newest messages, at once. */
  jumpToNewest(): void {
    this.#window = movedToEnd(this.#window)
    this.#tell()
  }

  /** Where the reader looks: what is far from there is given up first. Undefined: at the newest, wherever that is. */
  lookAt(seq: number | undefined): void {
    this.#window = lookingAt(this.#window, seq)
  }

  /** Ends following the room here; its membership goes on. */
  close(): void {
    this.#isClosed = true
    this.#options.onClose()
  }

  /** For the client: what happened to the room. */
  feed(event: RoomViewEvent): void {
    if (this.#isClosed) return
    const [view, effects] = stepRoomView(this.#view, event)
    if (view === this.#view && effects.length === 0) return
    this.#view = view
    this.#change(() => {
      for (const effect of effects) this.#run(effect)
      this.#advance([])
    })
  }

  /** For the client: one's own sends have changed. */
  sendChanged(send: Send): void {
    if (send.state === 'persisted' && (send.seq ?? 0) > (this.#view.last ?? 0)) {
      this.#landing = [...this.#landing, [send, this.#view.connection]]
    }
    this.#tell()
  }

  #run(effect: RoomViewEffect): void {
    const { roomId } = this
    switch (effect.type) {
      case 'join':
        this.#whenDue(effect, () => {
          const { afterSeq, ref } = effect
          this.#options.write({ type: 'joinRoom', roomId, ref, ...(afterSeq !== undefined && { afterSeq }) })
        })
        return
      case 'leave':
        this.#options.write({ type: 'leaveRoom', roomId })
        return
      case 'readPage':
        this.#whenDue(effect, () => void this.#readPage(effect))
        return
      case 'show':
        this.#options.onMessages(effect.messages)
        this.#advance(effect.messages)
        this.#events.emit('messages', effect.messages)
        return
      case 'forget':
        this.#window = newWindow(this.#window.maxMessages)
        this.#landing = []
        this.#events.emit('reset', undefined)
        return
    }
  }

  /** Up to where the view is: also over what has nothing to show. */
  #advance(messages: readonly Message[]): void {
    const { last, connection, head = Number.POSITIVE_INFINITY } = this.#view
    // A log that is shorter than an earlier connection told is another one.
    this.#landing = this.#landing.filter(
      ([{ seq = 0 }, told]) => seq > (last ?? 0) && (seq <= head || told === connection),
    )
    if (last === undefined || last === this.#window.tail?.upTo) return
    this.#window = appended(this.#window, messages, Math.max(last, messages.at(-1)?.seq ?? 0))
  }

  #whenDue(effect: EffectOf<'join' | 'readPage'>, act: () => void): void {
    const actIfDue = () => {
      if (!this.#isClosed && isDue(this.#view, effect)) act()
    }
    if (effect.afterMs === 0) actIfDue()
    else this.#options.platform.setTimeout(actIfDue, effect.afterMs)
  }

  async #readPage({ number, read }: EffectOf<'readPage'>): Promise<void> {
    try {
      const page = await this.#options.readPage(this.roomId, read)
      this.feed({ type: 'page', number, page })
    } catch (error) {
      this.feed({ type: 'pageFailed', number, retryable: isRetryable(error) })
    }
  }

  /** One page at a time: a second call meanwhile waits for the first and then asks anew. */
  #load(ask: () => PageAsked | undefined): Promise<void> {
    const before = this.#loading ?? Promise.resolve()
    const loading = before
      .catch(() => undefined)
      .then(() => this.#loadPage(ask()))
      .finally(() => {
        if (this.#loading !== loading) return
        this.#loading = undefined
        this.#tell()
      })
    this.#loading = loading
    this.#tell()
    return loading
  }

  async #loadPage(asked: PageAsked | undefined): Promise<void> {
    if (asked === undefined || this.#isClosed) return
    const { read, use } = asked
    const page = await this.#options.readPage(this.roomId, read)
    // Of another log than the one shown: the view comes to know by itself.
    if (this.#isClosed || page.epoch !== this.#view.epoch) return
    const run = runOf(read, page.messages)
    if (run === undefined) return
    this.#change(() => {
      this.#options.onMessages(run.messages)
      this.#window = use(this.#window, run)
    })
  }

  #change(act: () => void): void {
    this.#isChanging = true
    act()
    this.#isChanging = false
    this.#tell()
  }

  #tell(): void {
    if (!this.#isClosed && !this.#isChanging) this.#snapshot.set(this.#take())
  }

  #take(): TimelineSnapshot {
    const { run } = this.#window
    const hasNewer = run !== undefined && !isAtEnd(this.#window)
    return {
      messages: run?.messages ?? [],
      sends: hasNewer ? [] : [...this.#landing.map(([send]) => send), ...this.#options.sends()],
      hasOlder: (run?.after ?? 0) > 0,
      hasNewer,
      isLoading: this.#loading !== undefined,
      isLoaded: run !== undefined,
      isLive: this.#view.stream.phase === 'live',
      isMember: this.#view.wanted,
    }
  }
}
