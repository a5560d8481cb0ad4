/**
 * A process of light sockets, each in one room: as raw TCP that does not look into what it hears, so that thousands of
 * them cost less than the server that they are to load. Told over IPC what to do; says how it stands ten times a second.
 */
import { connect, type Socket } from 'node:net'
import { END_OF_HEAD, maskedText, protocolHeader, UPGRADED, upgradeRequest } from '../../raw-websocket.ts'

export interface StormPlan {
  readonly urls: readonly string[]
  readonly people: readonly { readonly token: string; readonly roomId: string }[]
  readonly sockets: number
  /** How many are opened for the first time in a second. */
  readonly perSecond: number
}

export type StormOrder = { readonly do: 'open'; readonly plan: StormPlan } | { readonly do: 'drop' }

export interface StormState {
  /** Sockets whose join is answered. */
  readonly joined: number
  /** Orders to drop all that were carried out: what was said before says nothing of them. */
  readonly drops: number
}

const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 1_000
const ATTEMPT_MS = 10_000
const HEARTBEAT_MS = 20_000
const TELL_MS = 100
const JOINED = '"joinedRoom"'

class LightSocket {
  joined = false
  readonly #plan: StormPlan
  readonly #person: StormPlan['people'][number]
  #tcp: Socket | undefined
  #retryMs = FIRST_RETRY_MS
  #attempt: NodeJS.Timeout | undefined

  constructor(plan: StormPlan, person: StormPlan['people'][number]) {
    this.#plan = plan
    this.#person = person
    this.connect()
    const ms = HEARTBEAT_MS * (0.5 + Math.random() / 2)
    setInterval(() => this.joined && this.#tcp?.write(maskedText(JSON.stringify({ type: 'heartbeat' }))), ms)
  }

  /** Its connection is lost, and it comes back at once. */
  drop(): void {
    this.#tcp?.removeAllListeners('close').resetAndDestroy()
    this.connect()
  }

  connect(): void {
    this.joined = false
    const url = new URL(this.#plan.urls[Math.floor(Math.random() * this.#plan.urls.length)] ?? '')
    const tcp = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
    this.#tcp = tcp
    clearTimeout(this.#attempt)
    this.#attempt = setTimeout(() => tcp.destroy(), ATTEMPT_MS)
    let heard = ''
    let isUpgraded = false
    tcp.on('error', () => undefined)
    tcp.on('connect', () => tcp.write(upgradeRequest(url, [protocolHeader(this.#person.token)])))
    tcp.on('data', (data) => {
      if (this.joined) return
      heard += data.toString('latin1')
      if (!isUpgraded && heard.includes(END_OF_HEAD)) {
        isUpgraded = heard.startsWith(UPGRADED)
        if (!isUpgraded) return void tcp.destroy()
        tcp.write(maskedText(JSON.stringify({ type: 'joinRoom', roomId: this.#person.roomId })))
      }
      if (heard.includes(JOINED)) this.#isIn()
    })
    // A close frame is not looked for: the edge ends the connection soon after it.
    tcp.on('close', () => this.#again())
  }

  #isIn(): void {
    this.joined = true
    this.#retryMs = FIRST_RETRY_MS
    clearTimeout(this.#attempt)
  }

  #again(): void {
    this.joined = false
    clearTimeout(this.#attempt)
    const waitMs = this.#retryMs * (0.5 + Math.random() / 2)
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2)
    setTimeout(() => this.connect(), waitMs)
  }
}

const sockets: LightSocket[] = []
let drops = 0

function open(plan: StormPlan): void {
  const startedAtMs = performance.now()
  const timer = setInterval(() => {
    const due = Math.min(plan.sockets, ((performance.now() - startedAtMs) / 1000) * plan.perSecond)
    while (sockets.length < due) {
      const person = plan.people[sockets.length % plan.people.length]
      if (person === undefined) throw new Error('nobody to be')
      sockets.push(new LightSocket(plan, person))
    }
    if (sockets.length >= plan.sockets) clearInterval(timer)
  }, 10)
}

process.on('message', (order: StormOrder) => {
  if (order.do === 'open') {
    open(order.plan)
    return
  }
  for (const socket of sockets) socket.drop()
  drops += 1
})
process.on('disconnect', () => process.exit())
setInterval(() => {
  const joined = sockets.reduce((count, socket) => count + Number(socket.joined), 0)
  process.send?.({ joined, drops } satisfies StormState)
}, TELL_MS)
