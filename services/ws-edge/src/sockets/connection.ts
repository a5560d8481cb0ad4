import type { Socket } from 'node:net'
import { CLOSE_CODES, type CloseReason, type ServerFrame } from '@roomlog/protocol'
import type { Identity } from '@roomlog/service-kit'
import type { WebSocket } from 'ws'
import type { RoomSubscription } from '../rooms/local-room.ts'
import { SlidingCount, TokenBucket } from './limits.ts'
import { type AtTurnEnd, atTurnEnd } from './turn-end.ts'
import { wireFrame } from './wire-frame.ts'

/** Above this much unsent a socket is not written live rows: it catches up from its position when it has drained. */
export const BEHIND_BYTES = 256 * 1024
/** More than this does not wait for the end of a turn: one call of the system less gains nothing then. */
const MAX_HELD_BYTES = 64 * 1024
/**
 * What a turn has held for longer, as in a process that stood still, is not written: whom it is for may have been removed
 * from the room meanwhile. With the sweep's 2 s this keeps within the 6 s of a removal.
 */
const MAX_HELD_MS = 3_000
const MAX_UNSENT_BYTES = 1024 * 1024
const NO_PROGRESS_MS = 10_000
const SILENT_MS = 45_000
const BAD_FRAMES = 10
const BAD_FRAMES_WINDOW_MS = 60_000
/** More than a client asks for that comes again each second with all its rooms, as it was told to. */
const [REFUSED_JOINS_PER_SECOND, REFUSED_JOINS_BURST] = [500, 1000] as const

/** What the lines of a socket are logged with. */
export interface Handshake {
  readonly reqId: string
  readonly ip: string
  readonly userId: string | undefined
}

export interface ConnectionOptions {
  readonly id: string
  readonly by: Handshake
  readonly identity: Identity
  readonly framesPerSecond: number
}

/** As it goes to a socket; encoded once for all that it goes to. */
export function encodeFrame(frame: ServerFrame): Buffer {
  return wireFrame(Buffer.from(JSON.stringify(frame)))
}

/**
 * One client's socket: the only place that writes to it. What it is written within one turn of the event loop leaves at the
 * turn's end, in order, by one call of the system: that is most of what a delivery costs, and a batch of the log brings a
 * socket many.
 */
export class Connection implements AtTurnEnd {
  readonly id: string
  readonly by: Handshake
  readonly userId: string
  /** Joined or joining. */
  readonly rooms = new Map<string, RoomSubscription>()
  readonly frames: TokenBucket
  nextPingAtMs = 0
  /** When its presence was renewed last, or is as if it had been. */
  renewedAtMs = performance.now()
  /** Made by the first. */
  #badFrames: SlidingCount | undefined
  #refusedJoins: TokenBucket | undefined
  readonly #ws: WebSocket
  readonly #tcp: Socket
  #identity: Identity
  #unacked = 0
  #closeWhenAnswered: CloseReason | undefined
  #closedWith: number | undefined
  #aliveAtMs = performance.now()
  /** Since when nothing of what waits has left; undefined while nothing waits. */
  #stuckSinceMs: number | undefined
  #sentBytes = 0
  /** Undefined while nothing waits for the end of this turn. */
  #held: readonly Buffer[] | undefined
  #heldBytes = 0
  #heldSinceMs = 0

  constructor(ws: WebSocket, tcp: Socket, { id, by, identity, framesPerSecond }: ConnectionOptions) {
    // What is written past `ws` must not overtake what it holds back, which it does only for extensions.
    if (ws.extensions !== '') throw new RangeError(`a socket with extensions: ${ws.extensions}`)
    this.#ws = ws
    this.#tcp = tcp
    this.id = id
    this.by = by
    this.userId = identity.userId
    this.#identity = identity
    this.frames = new TokenBucket(framesPerSecond, framesPerSecond)
  }

  get isOpen(): boolean {
    return this.#ws.readyState === this.#ws.OPEN
  }

  get unsentBytes(): number {
    return this.#tcp.writableLength + this.#heldBytes
  }

  get sessionId(): string {
    return this.#identity.sessionId
  }

  get expiresInMs(): number {
    return Math.max(0, this.#identity.expiresAtMs - Date.now())
  }

  /** From now on it ends with this token, and with its session. */
  prolong(identity: Identity): void {
    this.#identity = identity
  }

  send(frame: ServerFrame): void {
    if (this.isOpen) this.write([encodeFrame(frame)])
  }

  /** An encoded frame that loses nothing when it is lost: not written to a socket that is behind. */
  sendHint(frame: Buffer): void {
    if (this.unsentBytes <= BEHIND_BYTES) this.write([frame])
  }

  /** Frames as `wireFrame` has built them. */
  write(frames: readonly Buffer[]): void {
    if (!this.isOpen) return
    if (this.#held !== undefined) {
      this.#hold([...this.#held, ...frames], frames)
    } else if (this.#tcp.writableLength === 0) {
      this.#heldSinceMs = performance.now()
      this.#hold(frames, frames)
      atTurnEnd(this)
    } else {
      // Together with what waits for the client already it leaves anyway.
      this.#writeOut(frames)
    }
  }

  /** To be called at the end of a turn. */
  endTurn(): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    this.#heldBytes = 0
    // Closed by its peer or by `ws` meanwhile: nothing may follow a close.
    if (!this.isOpen) return
    if (performance.now() - this.#heldSinceMs > MAX_HELD_MS) this.close('restart')
    else this.#writeOut(held)
  }

  #hold(all: readonly Buffer[], added: readonly Buffer[]): void {
    this.#held = all
    for (const { length } of added) this.#heldBytes += length
    if (this.#heldBytes > MAX_HELD_BYTES) this.endTurn()
  }

  #writeOut(frames: readonly Buffer[]): void {
    if (frames.length > 1) this.#tcp.cork()
    for (const frame of frames) this.#tcp.write(frame)
    if (frames.length > 1) this.#tcp.uncork()
    this.#dropIfFull()
  }

  /** Calls back once what was written so far has left this process; never, when the socket closes before. */
  afterDrain(then: () => void): void {
    this.endTurn()
    if (this.#tcp.writableNeedDrain) this.#tcp.once('drain', () => this.isOpen && then())
    else setImmediate(() => this.isOpen && then())
  }

  /** Sends that wait for their ack. */
  get unacked(): number {
    return this.#unacked
  }

  sendTaken(): void {
    this.#unacked += 1
  }

  /** After its ack was written. */
  sendAnswered(): void {
    this.#unacked -= 1
    if (this.#unacked === 0 && this.#closeWhenAnswered !== undefined) this.close(this.#closeWhenAnswered)
  }

  close(reason: CloseReason): void {
    this.endTurn()
    if (!this.isOpen) return
    this.#closedWith = CLOSE_CODES[reason].code
    this.#ws.close(this.#closedWith, reason)
  }

  /** The code that it was closed with from here; undefined when its peer was first. */
  get closedWith(): number | undefined {
    return this.#closedWith
  }

  /** Once no send waits for its ack. */
  closeWhenAnswered(reason: CloseReason): void {
    if (this.#unacked === 0) this.close(reason)
    else this.#closeWhenAnswered = reason
  }

  /** Any sign of life. */
  heard(): void {
    this.#aliveAtMs = performance.now()
  }

  get heardAtMs(): number {
    return this.#aliveAtMs
  }

  /** Counts a frame that was none; closes at too many. */
  badFrame(): void {
    this.#badFrames ??= new SlidingCount(BAD_FRAMES, BAD_FRAMES_WINDOW_MS)
    if (this.#badFrames.add(performance.now())) this.close('badProtocol')
  }

  /** Counts an answer that one frame can ask for a hundred of; closes at too many. */
  joinRefused(): void {
    this.#refusedJoins ??= new TokenBucket(REFUSED_JOINS_PER_SECOND, REFUSED_JOINS_BURST)
    if (this.#refusedJoins.take() > 0) this.close('limitExceeded')
  }

  ping(): void {
    if (this.isOpen) this.#ws.ping()
  }

  /** Closes what is silent, stuck or expired. */
  check(nowMs: number): void {
    if (!this.isOpen) return
    if (this.expiresInMs === 0) this.close('unauthenticated')
    else if (nowMs - this.#aliveAtMs > SILENT_MS) this.close('silent')
    else if (this.#isStuck(nowMs)) this.close('slowConsumer')
  }

  #isStuck(nowMs: number): boolean {
    if (this.unsentBytes === 0) {
      this.#stuckSinceMs = undefined
      return false
    }
    const sent = this.#tcp.bytesWritten - this.unsentBytes
    if (sent !== this.#sentBytes) this.#stuckSinceMs = undefined
    this.#sentBytes = sent
    this.#stuckSinceMs ??= nowMs
    return nowMs - this.#stuckSinceMs > NO_PROGRESS_MS
  }

  #dropIfFull(): void {
    if (this.unsentBytes > MAX_UNSENT_BYTES) this.close('slowConsumer')
  }
}
