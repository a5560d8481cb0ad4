/** A process of many light sockets that send, hear and check. Told over IPC what to do: see `LoadOrder`. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ServerFrame } from '@roomlog/protocol/wire'
import { maskedText } from '../../raw-websocket.ts'
import { answerOrders } from '../child.ts'
import { Flights } from './flights.ts'
import { LightSocket } from './light-socket.ts'
import type { LoadEnd, LoadMark, LoadOrder, LoadPlan, Pace } from './load-orders.ts'

const PATIENCE_MS = 60_000
const TICK_MS = 1
const REFUSED_PAUSE_MS = 100
const HANDSHAKES_AT_ONCE = 200
/** What an edge answers that has as much to do as it takes at once. */
const TRY_AGAIN = 'HTTP/1.1 503'
const RETRY_MS = 100
const ID_LENGTH = 26
/** Where things stand in a `newMessage`, whose ids are all of one length. */
const ROOM_AT = '{"type":"newMessage","message":{"id":"","roomId":"'.length + ID_LENGTH
const SEQ_AT = ROOM_AT + ID_LENGTH + '","seq":'.length
const NUMBER_AFTER_SEQ = ',"kind":"message","senderId":"","clientMsgId":"'.length + ID_LENGTH
/** And in an `ack`. */
const ACK_NUMBER_AT = '{"type":"ack","roomId":"","clientMsgId":"'.length + ID_LENGTH
const TYPE_AT = '{"type":"'.length
const [ACK, NEW_MESSAGE] = ['a'.charCodeAt(0), 'n'.charCodeAt(0)]
const COMMA = ','.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)
const NUMBER_DIGITS = 10
const PREFIX = `${crypto.randomUUID().slice(0, 8)}-`
const BODY = 'x'.repeat(128)
const ACCEPTED = Buffer.from('"ACCEPTED"')

class Load {
  readonly #plan: LoadPlan
  readonly #url: URL
  readonly #members: number[][]
  readonly #sockets: LightSocket[] = []
  /** By socket: the last seq of each of its rooms. */
  readonly #seqs: Map<string, number>[]
  readonly #flights = new Flights()
  #joinsLeft = 0
  /** Of those who come back: what they have to hear before they are live, by room and socket. */
  readonly #missing = new Map<string, number>()
  #whenJoined = Promise.withResolvers<void>()
  #pace: Pace | undefined
  #startedAtMs = 0
  #sentSinceStart = 0
  #timer: NodeJS.Timeout | undefined
  #outOfOrder = 0
  #trouble: Error | undefined

  constructor(plan: LoadPlan) {
    this.#plan = plan
    this.#url = new URL(plan.url)
    this.#members = plan.rooms.map(() => [])
    for (const [index, { rooms }] of plan.people.entries()) {
      for (const room of rooms) this.#members[room]?.push(index)
    }
    this.#seqs = plan.people.map(() => new Map())
  }

  async open(): Promise<void> {
    for (let from = 0; from < this.#plan.people.length; from += HANDSHAKES_AT_ONCE) {
      await this.#connect(from, Math.min(from + HANDSHAKES_AT_ONCE, this.#plan.people.length))
    }
  }

  async #connect(from: number, to: number): Promise<void> {
    this.#joinsLeft = 0
    this.#whenJoined = Promise.withResolvers<void>()
    this.#whenJoined.promise.catch(() => undefined)
    for (let index = from; index < to; index += 1) {
      const person = this.#plan.people[index]
      this.#joinsLeft += this.#plan.areListening ? (person?.rooms.length ?? 0) : 1
      this.#connectOne(index)
    }
    await this.#within(this.#whenJoined.promise, 'sockets did not join')
  }

  #connectOne(index: number): void {
    this.#sockets[index] = new LightSocket(index, this.#url, this.#plan.people[index]?.token, this)
  }

  // --- what sockets tell ---------------------------------------------------------------------------------------------

  opened(socket: LightSocket): void {
    if (!this.#plan.areListening) return
    const seqs = this.#seqs[socket.index]
    const rooms = this.#plan.people[socket.index]?.rooms.map((room) => {
      const roomId = this.#plan.rooms[room] ?? ''
      const afterSeq = seqs?.get(roomId)
      return afterSeq === undefined ? { roomId } : { roomId, afterSeq }
    })
    socket.write(maskedText(JSON.stringify({ type: 'joinRooms', rooms })))
  }

  lost({ index }: LightSocket, why: string): void {
    if (why.startsWith(TRY_AGAIN)) setTimeout(() => this.#connectOne(index), RETRY_MS)
    else this.#fail(`a socket: ${why}`)
  }

  frame(socket: LightSocket, bytes: Buffer, from: number, to: number): void {
    const type = bytes[from + TYPE_AT]
    if (type === NEW_MESSAGE) this.#newMessage(socket, bytes, from)
    else if (type === ACK) this.#ack(bytes, from, to)
    else this.#other(socket, JSON.parse(bytes.toString('utf8', from, to)) as ServerFrame)
  }

  #newMessage({ index }: LightSocket, bytes: Buffer, from: number): void {
    const roomId = bytes.toString('latin1', from + ROOM_AT, from + ROOM_AT + ID_LENGTH)
    let [seq, at] = [0, from + SEQ_AT]
    for (let byte = bytes[at] ?? COMMA; byte !== COMMA; byte = bytes[at] ?? COMMA) {
      seq = seq * 10 + byte - ZERO
      at += 1
    }
    const seqs = this.#seqs[index]
    if (seq !== (seqs?.get(roomId) ?? Number.NaN) + 1) this.#outOfOrder += 1
    seqs?.set(roomId, seq)
    if (this.#missing.size > 0) this.#caughtUp(roomId, index, seq)
    if (this.#flights.heard(numberAt(bytes, at + NUMBER_AFTER_SEQ))) this.#refill()
  }

  #ack(bytes: Buffer, from: number, to: number): void {
    const number = numberAt(bytes, from + ACK_NUMBER_AT)
    const status = bytes.indexOf(ACCEPTED, from + ACK_NUMBER_AT)
    if (status >= 0 && status < to) {
      if (this.#flights.acked(number)) this.#refill()
      return
    }
    const { code } = JSON.parse(bytes.toString('utf8', from, to)) as { readonly code: string }
    this.#flights.refused(number, code)
    setTimeout(() => this.#refill(), REFUSED_PAUSE_MS)
  }

  #other({ index }: LightSocket, frame: ServerFrame): void {
    if (frame.type === 'error') this.#fail(`an error: ${frame.code} ${frame.message}`)
    if (frame.type === 'welcome' && !this.#plan.areListening) this.#joined()
    if (frame.type !== 'joinedRoom') return
    const seqs = this.#seqs[index]
    const position = seqs?.get(frame.roomId) ?? frame.headSeq
    seqs?.set(frame.roomId, position)
    if (position < frame.headSeq && frame.recovered === true) {
      this.#missing.set(`${frame.roomId} ${index}`, frame.headSeq)
    } else if (position < frame.headSeq) this.#fail('what was missed is not told')
    else this.#joined()
  }

  #caughtUp(roomId: string, index: number, seq: number): void {
    const key = `${roomId} ${index}`
    if (seq !== this.#missing.get(key)) return
    this.#missing.delete(key)
    this.#joined()
  }

  #joined(): void {
    this.#joinsLeft -= 1
    if (this.#joinsLeft === 0) this.#whenJoined.resolve()
  }

  #fail(why: string): void {
    this.#trouble ??= new Error(why)
    this.#whenJoined.reject(this.#trouble)
  }

  // --- sending -------------------------------------------------------------------------------------------------------

  start(pace: Pace): void {
    this.#pace = pace
    this.#startedAtMs = performance.now()
    this.#sentSinceStart = 0
    this.#refill()
    if ('perSecond' in pace) this.#timer = setInterval(() => this.#sendDue(pace.perSecond), TICK_MS)
  }

  #sendDue(perSecond: number): void {
    const due = ((performance.now() - this.#startedAtMs) / 1000) * perSecond
    for (; this.#sentSinceStart < due; this.#sentSinceStart += 1) this.#send()
  }

  #refill(): void {
    const pace = this.#pace
    if (pace === undefined || !('inFlight' in pace)) return
    while (this.#flights.size < pace.inFlight) this.#send()
  }

  /** Rooms by turns, and in each its members by turns. */
  #send(): void {
    const { rooms, areListening } = this.#plan
    const room = this.#flights.next % rooms.length
    const members = this.#members[room] ?? []
    const number = this.#flights.begin(areListening ? members.length : 0)
    const sender = members[Math.floor(number / rooms.length) % members.length] ?? 0
    const clientMsgId = PREFIX + String(number).padStart(NUMBER_DIGITS, '0')
    const roomId = rooms[room]
    this.#sockets[sender]?.write(
      maskedText(
        `{"type":"sendMessage","roomId":"${roomId}","clientMsgId":"${clientMsgId}","body":"${BODY}"}`,
      ),
    )
  }

  mark(): LoadMark {
    if (this.#trouble !== undefined) throw this.#trouble
    return this.#flights.mark()
  }

  async stop(): Promise<LoadEnd> {
    this.#pace = undefined
    clearInterval(this.#timer)
    const until = performance.now() + PATIENCE_MS
    while (this.#flights.size > 0 && performance.now() < until) await delay(20)
    if (this.#trouble !== undefined) throw this.#trouble
    const end = { ...this.#flights.end(), outOfOrder: this.#outOfOrder }
    this.#outOfOrder = 0
    return end
  }

  // --- coming back ---------------------------------------------------------------------------------------------------

  cut(): void {
    for (const socket of this.#sockets) socket.cut()
  }

  resume(): Promise<void> {
    return this.#connect(0, this.#plan.people.length)
  }

  async #within(promise: Promise<void>, what: string): Promise<void> {
    const late = delay(PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`${what} within ${PATIENCE_MS} ms: ${this.#joinsLeft} joins are left`)
    })
    await Promise.race([promise, late])
  }
}

function numberAt(bytes: Buffer, at: number): number {
  let number = 0
  const from = at + PREFIX.length
  for (let i = from; i < from + NUMBER_DIGITS; i += 1) number = number * 10 + (bytes[i] ?? ZERO) - ZERO
  return number
}

let load: Load | undefined

function current(): Load {
  if (load === undefined) throw new Error('no sockets are open')
  return load
}

answerOrders<LoadOrder>((order) => {
  switch (order.do) {
    case 'open':
      load = new Load(order.plan)
      return load.open()
    case 'start':
      return current().start(order.pace)
    case 'mark':
      return current().mark()
    case 'stop':
      return current().stop()
    case 'cut':
      return current().cut()
    case 'resume':
      return current().resume()
    case 'close':
      current().cut()
      load = undefined
      return undefined
  }
})
