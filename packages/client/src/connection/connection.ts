import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  type ClientFrame,
  type ServerFrame,
  type ServerFrameOf,
  SUBPROTOCOL,
} from '@roomlog/protocol/wire'
import type { Platform, Socket } from '../platform/platform.ts'
import { Timer } from '../platform/timer.ts'
import { Cell, type Value } from '../platform/value.ts'
import { codeOf } from '../session/errors.ts'
import type { Sessions } from '../session/sessions.ts'
import {
  type ConnectionEffect,
  type ConnectionEvent,
  IDLE,
  socketOf,
  stepConnection,
} from './connection-state.ts'
import { type ConnectionStatus, statusOf } from './connection-status.ts'
import type { EdgeUrls } from './edge-urls.ts'
import { Heartbeat } from './heartbeat.ts'
import { Pacer } from './pacer.ts'
import { Renewal } from './renewal.ts'

/** From the attempt to the edge's welcome. */
const WELCOME_MS = 10_000
/** A socket's `readyState`. */
const OPEN = 1
/** The api is asked again which edges there are after so many failures in a row. */
const FAILURES_BEFORE_CONFIG = 2

export interface ConnectionOptions {
  readonly platform: Platform
  readonly sessions: Sessions
  readonly urls: EdgeUrls
  readonly onOpen: (connection: number, welcome: ServerFrameOf<'welcome'>) => void
  readonly onFrame: (connection: number, frame: ServerFrame) => void
  readonly onLost: (connection: number) => void
}

interface Current {
  readonly number: number
  readonly socket: Socket
  readonly token: string
  readonly welcomeTimer: Timer
  welcomedAtMs?: number
  pacer?: Pacer
  heartbeat?: Heartbeat
  renewal?: Renewal
}

/** Keeps a socket to an edge: does what `stepConnection` says. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #status = new Cell<ConnectionStatus>({ status: 'idle' })
  #state = IDLE
  #current: Current | undefined
  readonly #timer: Timer
  #retryAtMs = 0
  /** The token of the latest socket that was lost. */
  #refused: string | undefined
  /** The server's clock at the latest welcome, less the monotonic one. */
  #serverLessMonotonicMs: number | undefined
  readonly #unsubscribe: readonly (() => void)[]

  constructor(options: ConnectionOptions) {
    this.#options = options
    const { platform, sessions } = options
    this.#timer = new Timer(platform)
    this.#unsubscribe = [
      platform.onWake(() => {
        this.#current?.heartbeat?.probe()
        this.#feed({ type: 'wake' })
      }),
      sessions.onSignedOut(() => this.#feed({ type: 'signedOut' })),
    ]
  }

  get status(): Value<ConnectionStatus> {
    return this.#status
  }

  /** The number of the socket that is open, if one is. */
  get open(): number | undefined {
    const { phase } = this.#state
    return phase.status === 'open' ? phase.connection : undefined
  }

  /** Now on the server's clock, in ms since 1970; on this machine's before the first welcome. */
  serverMs(): number {
    const { wallMs, monotonicMs } = this.#options.platform
    return this.#serverLessMonotonicMs === undefined ? wallMs() : monotonicMs() + this.#serverLessMonotonicMs
  }

  /** Connects, and again after each loss, until `stop` or a reason to stop. */
  start(): void {
    this.#feed({ type: 'start' })
  }

  stop(): void {
    this.#timer.clear()
    this.#feed({ type: 'stop' })
  }

  dispose(): void {
    this.stop()
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
  }

  /** Sends over the open socket, as fast as the edge takes it; without one the frame is gone. */
  send(frame: ClientFrame): void {
    this.#current?.pacer?.send(JSON.stringify(frame))
  }

  #feed(event: ConnectionEvent): void {
    const [state, effects] = stepConnection(this.#state, event)
    const isNews = state.phase !== this.#state.phase
    this.#state = state
    for (const effect of effects) this.#run(effect)
    if (isNews || effects.length > 0) this.#status.set(statusOf(this.#state.phase, this.#retryAtMs))
  }

  #run(effect: ConnectionEffect): void {
    const { platform } = this.#options
    switch (effect.type) {
      case 'open':
        void this.#open(effect.connection)
        return
      case 'close':
        if (this.#current?.number === effect.connection) this.#drop(this.#current, CLOSE_CODES.normal.code)
        return
      case 'refresh':
        void this.#refresh()
        return
      case 'wait': {
        const { minMs, maxMs } = effect
        const waitMs = minMs + (maxMs - minMs) * platform.random()
        this.#timer.set(waitMs, () => this.#feed({ type: 'timer' }))
        this.#retryAtMs = platform.wallMs() + waitMs
        return
      }
    }
  }

  async #refresh(): Promise<void> {
    const { sessions } = this.#options
    try {
      // The token that was refused: one that another tab has got since will do.
      await sessions.refresh(this.#refused ?? sessions.current.accessToken)
      this.#feed({ type: 'refreshed' })
    } catch (error) {
      this.#failed(error, { type: 'refreshFailed' })
    }
  }

  #failed(error: unknown, event: ConnectionEvent): void {
    this.#feed(codeOf(error) === 'signed_out' ? { type: 'signedOut' } : event)
  }

  async #open(connection: number): Promise<void> {
    const { platform, sessions, urls } = this.#options
    const isCurrent = () => socketOf(this.#state.phase) === connection
    try {
      const url = await urls.choose(this.#state.failures >= FAILURES_BEFORE_CONFIG)
      if (!isCurrent()) return
      const token = sessions.current.accessToken
      const { WebSocket } = platform
      if (WebSocket === undefined) throw new Error('no WebSocket: give platform.WebSocket')
      const socket = new WebSocket(url, [SUBPROTOCOL, BEARER_SUBPROTOCOL_PREFIX + token])
      const welcomeTimer = new Timer(platform)
      welcomeTimer.set(WELCOME_MS, () => this.#lost(connection))
      this.#listen({ number: connection, socket, token, welcomeTimer })
    } catch (error) {
      const code = CLOSE_CODES.abnormal.code
      if (isCurrent()) this.#failed(error, { type: 'closed', connection, code, livedMs: 0 })
    }
  }

  #listen(current: Current): void {
    this.#current = current
    const { socket, number } = current
    socket.addEventListener('message', ({ data }) => {
      if (this.#current === current) this.#received(current, String(data))
    })
    socket.addEventListener('close', ({ code }) => this.#lost(number, code))
    socket.addEventListener('error', () => {
      // A close event follows.
    })
  }

  #received(current: Current, text: string): void {
    const frame = JSON.parse(text) as ServerFrame
    current.heartbeat?.heard()
    if (frame.type === 'welcome') this.#welcomed(current, frame)
    else if (frame.type === 'draining') {
      this.#feed({ type: 'draining', connection: current.number, afterMs: frame.reconnectAfterMs })
    } else if (frame.type === 'authenticated') current.renewal?.done(frame.expiresInMs)
    else this.#options.onFrame(current.number, frame)
  }

  #welcomed(current: Current, welcome: ServerFrameOf<'welcome'>): void {
    const { platform, sessions } = this.#options
    const { number, socket, token } = current
    current.welcomeTimer.clear()
    current.welcomedAtMs = platform.monotonicMs()
    this.#serverLessMonotonicMs = Date.parse(welcome.serverTime) - current.welcomedAtMs
    current.pacer = new Pacer(platform, welcome.limits.framesPerSecond, (text) => {
      // While it closes it takes nothing any more, and its close event is yet to come.
      if (socket.readyState === OPEN) socket.send(text)
    })
    current.heartbeat = new Heartbeat({
      platform,
      intervalMs: welcome.heartbeatIntervalMs,
      beat: () => this.send({ type: 'heartbeat' }),
      onSilent: () => this.#lost(number),
    })
    const renew = (newer: string) => this.send({ type: 'authenticate', token: newer })
    current.renewal = new Renewal({ platform, sessions, token, renew }, welcome.tokenExpiresInMs)
    this.#feed({ type: 'welcomed', connection: number })
    this.#options.onOpen(number, welcome)
  }

  /** Also of a socket that is given up: its close event may take minutes, where nobody answers. */
  #lost(connection: number, code: number = CLOSE_CODES.abnormal.code): void {
    const current = this.#current
    if (current?.number !== connection) return
    const { welcomedAtMs, token } = current
    const livedMs = welcomedAtMs === undefined ? 0 : this.#options.platform.monotonicMs() - welcomedAtMs
    this.#refused = token
    this.#drop(current)
    this.#feed({ type: 'closed', connection, code, livedMs })
  }

  #drop(current: Current, code?: number): void {
    this.#current = undefined
    current.welcomeTimer.clear()
    current.heartbeat?.stop()
    current.renewal?.stop()
    current.pacer?.stop()
    current.socket.close(code)
    if (current.welcomedAtMs !== undefined) this.#options.onLost(current.number)
  }
}
