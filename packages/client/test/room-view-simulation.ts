import type { Message } from '@roomlog/protocol/wire'
import { must } from '@roomlog/testkit/model-runs'
import { stepRoomView } from '../src/timeline/room-view.ts'
import type { RoomFrame, RoomViewEffect, RoomViewEvent } from '../src/timeline/room-view-events.ts'
import { isDue, newRoomView, type RoomView, type RoomViewOptions } from '../src/timeline/room-view-state.ts'
import { ModelRoom, ModelSocket, type ReadAnswer, type SocketFrame } from './model-room.ts'

/** How often each act is drawn. */
export const ACTS = {
  commit: 12,
  connect: 6,
  drop: 4,
  send: 14,
  serve: 14,
  stream: 16,
  frame: 26,
  late: 2,
  snapshot: 8,
  answer: 14,
  fail: 3,
  skip: 3,
  corrupt: 2,
  restore: 1,
  leave: 1,
  enter: 2,
  remove: 1,
  add: 2,
} as const

/** An act with two numbers that choose what it meets. */
export type Step = readonly [act: keyof typeof ACTS, n: number, m: number]

const MAX_WAITING = 4
const PAGE_LIMIT = 3
const REST_STEPS = 5000

type Join = Extract<RoomViewEffect, { type: 'join' }>
type Read = Extract<RoomViewEffect, { type: 'readPage' }>

/** A page that was asked for; `answer` is what the server has read for it, null for who is no member. */
interface Question extends Read {
  answer?: ReadAnswer | null
}

/** Plays the steps, then lets everything come to rest; throws at the first thing that the design forbids. */
export function simulate(from: RoomViewOptions['from'], steps: readonly Step[]): void {
  const world = new World(from)
  for (const step of steps) world.act(step)
  world.rest()
}

class World {
  readonly #room = new ModelRoom()
  #view: RoomView
  #socket: ModelSocket | undefined
  #connections = 0
  /** Not sent yet; those with a pause, and those of a socket that is gone meanwhile, as well. */
  #joins: Join[] = []
  #questions: Question[] = []
  /** What stands on the screen, and the seq before its first message. */
  #shown: { readonly before: number; readonly messages: readonly Message[] } | undefined
  /** By its user: nobody enters it again but this one. */
  #isLeft = false
  /** What its owner hears of a socket after it has opened another. */
  #late: RoomViewEvent[] = []

  constructor(from: RoomViewOptions['from']) {
    this.#view = newRoomView({ from, pageLimit: PAGE_LIMIT, maxWaiting: MAX_WAITING })
  }

  act([act, n, m]: Step): void {
    const socket = this.#socket
    switch (act) {
      case 'commit': {
        const count = n % 11 === 0 ? 9 : 1 + (n % 3)
        for (let i = 0; i < count; i += 1) this.#room.commit((m + i) % 6 === 0)
        return
      }
      case 'connect':
        this.#connect()
        return
      case 'drop':
        this.#drop()
        return
      case 'send':
        this.#send(n)
        return
      case 'serve':
        if (socket?.isFrozen === true) this.#drop()
        else socket?.serve(m % 9 === 0, n % 2 === 0)
        return
      case 'stream':
        socket?.stream(1 + (n % 4))
        return
      case 'frame':
        for (let i = 0; i <= n % 3; i += 1) this.#receive()
        return
      case 'late': {
        const [event] = this.#late.splice(n % Math.max(1, this.#late.length), 1)
        if (event !== undefined) this.#feed(event)
        return
      }
      case 'snapshot': {
        const question = this.#questions[n % Math.max(1, this.#questions.length)]
        if (question !== undefined) this.#lookUp(question, m % 7 === 0)
        return
      }
      case 'answer':
        this.#answer(n)
        return
      case 'fail': {
        const [question] = this.#questions.splice(n % Math.max(1, this.#questions.length), 1)
        if (question !== undefined)
          this.#feed({ type: 'pageFailed', number: question.number, retryable: true })
        return
      }
      case 'skip':
        socket?.skip()
        return
      case 'corrupt':
        socket?.corrupt(n % Math.max(1, socket.frames.length), m % 2 === 0)
        return
      case 'restore':
        this.#room.restore(Math.floor((this.#room.head * (n % 5)) / 5), m % 5 !== 0)
        if (socket !== undefined) socket.isFrozen = true
        return
      case 'leave':
        this.#leave()
        return
      case 'enter':
        this.#enter()
        return
      case 'remove':
        if (!this.#room.isMember) return
        this.#room.isMember = false
        socket?.remove()
        return
      case 'add':
        this.#add()
        return
    }
  }

  /** The last connection stays, and everything is answered: the view comes to the head. */
  rest(): void {
    this.#add()
    if (this.#socket?.isFrozen !== false) {
      this.#drop()
      this.#connect()
    }
    // Who lost a message notices with the next one.
    this.#room.commit(false)
    for (let step = 0; ; step += 1) {
      must(step < REST_STEPS, 'it does not come to rest')
      const socket = this.#socket
      if (this.#joins.length > 0) this.#send(0)
      else if (socket !== undefined && socket.requests.length > 0) socket.serve(false, false)
      else if (socket !== undefined && socket.frames.length > 0) this.#receive()
      else if (this.#isLeft) this.#enter()
      else if (this.#questions.length > 0) this.#answer(0)
      else if (socket?.isServed === false) socket.stream(3)
      else break
    }
    must(this.#view.stream.phase === 'live', `in the end the view is ${this.#view.stream.phase}`)
    must(this.#view.last === this.#room.head, `stays at ${this.#view.last}, the head is ${this.#room.head}`)
    this.#expectRun(this.#room.epoch)
  }

  #leave(): void {
    const isSaid = this.#view.wanted && this.#socket !== undefined
    this.#isLeft = true
    this.#feed({ type: 'left' })
    must(!this.#view.wanted, 'a room is seen although it was left')
    must(!isSaid || this.#socket?.requests.at(-1) === 'leave', 'the edge is not told of leaving')
  }

  #enter(): void {
    this.#isLeft = false
    this.#feed({ type: 'entered' })
  }

  /** The owner is told over the socket, or finds the room in its list when it connects. */
  #add(): void {
    if (this.#room.isMember) return
    this.#room.isMember = true
    this.#socket?.frames.push({ type: 'roomAdded' })
  }

  // --- the network ---------------------------------------------------------------------------------------------------

  #connect(): void {
    if (this.#socket !== undefined) return
    this.#connections += 1
    this.#socket = new ModelSocket(this.#room, this.#connections)
    this.#feed({ type: 'connected', connection: this.#connections })
    if (this.#room.isMember && !this.#isLeft) this.#feed({ type: 'entered' })
  }

  /** What was on its way is gone. */
  #drop(): void {
    const socket = this.#socket
    if (socket === undefined) return
    this.#socket = undefined
    const { connection, frames } = socket
    this.#feed({ type: 'lost', connection })
    const late = frames.filter(isOfView).map((frame) => ({ type: 'frame', connection, frame }) as const)
    this.#late.push(...late, { type: 'lost', connection })
  }

  #send(n: number): void {
    const [join] = this.#joins.splice(n % Math.max(1, this.#joins.length), 1)
    if (join === undefined || !isDue(this.#view, join)) return
    must(join.connection === this.#socket?.connection, 'a join is due over a socket that is gone')
    this.#socket.requests.push({ ref: join.ref, afterSeq: join.afterSeq })
  }

  #receive(): void {
    const frame = this.#socket?.frames.shift()
    if (frame === undefined || this.#socket === undefined) return
    if (isOfView(frame)) this.#feed({ type: 'frame', connection: this.#socket.connection, frame })
    else if (!this.#isLeft) this.#feed({ type: 'entered' })
  }

  /** What is answered with a hole is what no api does. */
  #lookUp(question: Question, hasHole = false): void {
    if (question.answer !== undefined) return
    const answer = this.#room.read(question.read)
    const messages = answer?.messages.filter((_, index) => !hasHole || index !== 1) ?? []
    question.answer = answer === undefined ? null : { ...answer, messages }
  }

  /** In any order; also to a view that has gone on since. */
  #answer(n: number): void {
    const [question] = this.#questions.splice(n % Math.max(1, this.#questions.length), 1)
    if (question === undefined) return
    this.#lookUp(question)
    const { number, answer } = question
    if (answer === null || answer === undefined) this.#feed({ type: 'pageFailed', number, retryable: false })
    else this.#feed({ type: 'page', number, page: { ...answer, messages: [...answer.messages] } })
  }

  // --- what must be true ---------------------------------------------------------------------------------------------

  #feed(event: RoomViewEvent): void {
    const before = this.#view
    const [view, effects] = stepRoomView(before, event)
    this.#view = view
    for (const effect of effects) this.#run(before, effect)
    const isOld = 'number' in event && event.number !== before.asked
    must(!isOld || view === before, 'an answer counts although something else was asked since')
    const frame =
      event.type === 'frame' && event.connection === this.#socket?.connection ? event.frame : undefined
    must(frame?.type !== 'removedFromRoom' || !view.wanted, 'a room is seen after the removal from it')
    const isJoined = effects.some(({ type }) => type === 'join')
    const isSound = frame?.type === 'newMessage' && this.#socket?.isCorrupt === false
    must(!isSound || !isJoined, 'a stream without a fault is joined again')
    if (view.stream.phase === 'reading')
      must(view.stream.waiting.length <= MAX_WAITING, 'more waits than is allowed')
    if (this.#shown !== undefined) {
      const end = this.#shown.messages.at(-1)?.seq ?? 0
      must(view.last !== undefined && view.last >= end, 'what is shown is not what the view takes it for')
    }
  }

  #run(before: RoomView, effect: RoomViewEffect): void {
    switch (effect.type) {
      case 'join':
        must(effect.connection === this.#socket?.connection, 'a join over a socket that is gone')
        this.#joins.push(effect)
        return
      case 'leave':
        must(effect.connection === this.#socket?.connection, 'leaving over a socket that is gone')
        this.#socket.requests.push('leave')
        return
      case 'readPage':
        must(this.#socket !== undefined, 'a page is read for nobody')
        this.#questions.push({ ...effect })
        return
      case 'forget':
        this.#shown = undefined
        return
      case 'show':
        this.#show(before, effect.messages)
        return
    }
  }

  #show(before: RoomView, messages: readonly Message[]): void {
    const [first] = messages
    must(first !== undefined, 'nothing is shown')
    must(before.wanted, 'a room is shown that was left')
    must(
      before.options.from === 'newest' || this.#shown !== undefined || this.#mayBeFirst(first.seq),
      `the first message shown is ${first.seq}`,
    )
    this.#shown = {
      before: this.#shown?.before ?? first.seq - 1,
      messages: [...(this.#shown?.messages ?? []), ...messages],
    }
    this.#expectRun(this.#view.epoch)
  }

  #mayBeFirst(seq: number): boolean {
    const before = this.#room.logOf(this.#view.epoch).slice(0, seq - 1)
    return before.every(isUnknown) || this.#room.wentBackUnmarked
  }

  /** A run of the log, without the kinds that are not known: no gap, no repeat, nothing of another epoch. */
  #expectRun(epoch: string | undefined): void {
    if (this.#shown === undefined) return
    const { before, messages } = this.#shown
    const end = messages.at(-1)?.seq ?? before
    const run = this.#room
      .logOf(epoch)
      .slice(before, end)
      .filter((it) => !isUnknown(it))
    const isSame = run.length === messages.length && run.every(({ id }, i) => messages[i]?.id === id)
    must(isSame || this.#room.wentBackUnmarked, `shown is ${seqs(messages)} where the log has ${seqs(run)}`)
    must(
      messages.every(({ seq }, i) => i === 0 || seq > (messages[i - 1]?.seq ?? 0)),
      'a repeat, or an inversion',
    )
  }
}

function isUnknown({ kind }: Message): boolean {
  return (kind as string) !== 'message'
}

function isOfView(frame: SocketFrame): frame is RoomFrame {
  return frame.type !== 'roomAdded'
}

function seqs(messages: readonly Message[]): string {
  return messages.map(({ seq }) => seq).join()
}
