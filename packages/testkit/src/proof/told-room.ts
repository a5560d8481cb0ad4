import type { Entry, Seen } from './history.ts'
import { ROOM, ToldHistory } from './told-history.ts'

export type Step = {
  readonly who: number
  readonly what: 'send' | 'repeat' | 'store' | 'ack' | 'deliver' | 'drop' | 'rejoin' | 'read' | 'answer'
}

interface Client {
  readonly name: string
  connection: number
  isOpen: boolean
  /** The last seq that it has, over all connections. */
  last: number
  /** The last that its connection was sent. */
  sent: number
  read: { readonly name: string; readonly after: number; readonly rows: readonly Seen[] } | undefined
}

/** A room that does everything right: a log, its sequence, and clients that come, go, read and repeat as they are told. */
export function toldRoom(names: readonly string[], steps: readonly Step[]): readonly Entry[] {
  const room = new Room(names)
  for (const step of steps) room.take(step)
  return room.end()
}

const LEAST_MESSAGES = 3

class Room {
  readonly #told = new ToldHistory()
  readonly #clients: readonly Client[]
  /** Taken by the log, not stored yet; a repeat stands in it twice. */
  #log: { readonly sender: string; readonly id: string }[] = []
  #unanswered: { readonly sender: string; readonly id: string }[] = []
  readonly #sent: { readonly sender: string; readonly id: string }[] = []

  constructor(names: readonly string[]) {
    for (const name of names) this.#told.person(name)
    this.#clients = names.map((name) => ({
      ...{ name, connection: 0, isOpen: false, last: 0, sent: 0, read: undefined },
    }))
    for (const client of this.#clients) this.#connect(client)
    this.#told.phase('load')
    for (let i = 0; i < LEAST_MESSAGES; i += 1) {
      const [client] = this.#clients
      if (client !== undefined) this.#send(client)
      this.#store()
      for (const reader of this.#clients) this.#deliver(reader)
    }
  }

  take({ who, what }: Step): void {
    const client = this.#clients[who % this.#clients.length]
    if (client === undefined) return
    if (what === 'send') this.#send(client)
    if (what === 'repeat') this.#repeat(client)
    if (what === 'store') this.#store()
    if (what === 'ack') this.#ack()
    if (what === 'deliver') this.#deliver(client)
    if (what === 'drop') client.isOpen ? this.#drop(client) : this.#connect(client)
    if (what === 'rejoin' && client.isOpen) this.#join(client)
    if (what === 'read') this.#read(client)
    if (what === 'answer') this.#answer(client)
  }

  end(): readonly Entry[] {
    this.#told.phase('healed').say({ type: 'ready' })
    for (const client of this.#clients) {
      if (!client.isOpen) this.#connect(client)
      for (let i = 0; i < 5; i += 1) this.#send(client)
    }
    while (this.#unanswered.length > 0) this.#ack()
    while (this.#log.length > 0) this.#store()
    for (const client of this.#clients) {
      while (client.sent < this.#told.stored.length) this.#deliver(client)
      this.#answer(client)
    }
    return this.#told.settles(this.#clients.map(({ name }) => name))
  }

  #connect(client: Client): void {
    client.connection += 1
    client.isOpen = true
    this.#told.connects(client.name, this.#nameOf(client))
    this.#join(client)
  }

  #join(client: Client): void {
    this.#told.joins(client.name, { afterSeq: client.last, connection: this.#nameOf(client) })
    client.sent = client.last
  }

  #drop(client: Client): void {
    this.#told.closes(client.name, this.#nameOf(client))
    client.isOpen = false
    // Its answers are lost; what it sent is in the log all the same.
    this.#unanswered = this.#unanswered.filter(({ sender }) => sender !== client.name)
  }

  #send(client: Client): void {
    if (client.isOpen) this.#attempt(client, `${client.name}-${this.#sent.length}`)
  }

  #repeat(client: Client): void {
    const own = this.#sent.findLast(({ sender }) => sender === client.name)
    if (client.isOpen && own !== undefined) this.#attempt(client, own.id)
  }

  #attempt(client: Client, id: string): void {
    const message = { sender: client.name, id }
    this.#told.sends(client.name, id, { connection: this.#nameOf(client) })
    this.#sent.push(message)
    this.#log.push(message)
    this.#unanswered.push(message)
  }

  #ack(): void {
    const message = this.#unanswered.shift()
    if (message !== undefined) this.#told.acked(message.sender, message.id)
  }

  #store(): void {
    const message = this.#log.shift()
    if (message === undefined || this.#told.stored.some((row) => row.clientMsgId === message.id)) return
    this.#told.stores(message.sender, message.id)
  }

  #deliver(client: Client): void {
    if (!client.isOpen || client.sent >= this.#told.stored.length) return
    client.sent += 1
    this.#told.gets(client.name, client.sent, { connection: this.#nameOf(client) })
    client.last = Math.max(client.last, client.sent)
  }

  /** Looks at the room now; its answer comes later. */
  #read(client: Client): void {
    if (client.read !== undefined) return
    const after = Math.max(0, client.last - 2)
    const name = this.#told.asks(client.name, { after })
    client.read = { name, after, rows: [...this.#told.stored] }
  }

  #answer(client: Client): void {
    const { read } = client
    if (read === undefined) return
    client.read = undefined
    this.#told.page(client.name, read.name, {
      head: read.rows.length,
      messages: read.rows.slice(read.after),
    })
  }

  #nameOf({ name, connection }: Client): string {
    return `${name}-${connection}`
  }
}

type Live = Extract<Entry, { type: 'live' }>
export type Mutation = 'drop' | 'repeat' | 'swap' | 'body' | 'id' | 'row'
export const MUTATIONS: readonly Mutation[] = ['drop', 'repeat', 'swap', 'body', 'id', 'row']

/** The same history with one observation wrong; `at` chooses which. */
export function mutated(history: readonly Entry[], mutation: Mutation, at: number): readonly Entry[] {
  if (mutation === 'row') return withoutRow(history, at)
  const triples = middles(history)
  const chosen = triples[at % triples.length]
  if (chosen === undefined) throw new Error('no stream has three messages')
  const [, middle, next] = chosen
  return history.flatMap((entry): readonly Entry[] => {
    if (entry === next && mutation === 'swap') return [{ ...middle, t: next.t }]
    if (entry !== middle) return [entry]
    if (mutation === 'drop') return []
    if (mutation === 'repeat') return [middle, middle]
    if (mutation === 'swap') return [{ ...next, t: middle.t }]
    return [mutation === 'body' ? { ...middle, body: 'changed' } : { ...middle, id: 'changed' }]
  })
}

/** Each three that came one after another on a connection with no other join between. */
function middles(history: readonly Entry[]): readonly (readonly [Live, Live, Live])[] {
  const found: (readonly [Live, Live, Live])[] = []
  const streams = new Map<string, Live[]>()
  for (const entry of history) {
    if (entry.type === 'joined') streams.set(entry.connection, [])
    if (entry.type !== 'live') continue
    const stream = streams.get(entry.connection) ?? []
    stream.push(entry)
    const [first, middle, last] = stream.slice(-3)
    if (first !== undefined && middle !== undefined && last !== undefined) found.push([first, middle, last])
  }
  return found
}

function withoutRow(history: readonly Entry[], at: number): readonly Entry[] {
  const head = Math.max(...history.map((entry) => (entry.type === 'page' && entry.final ? entry.head : 0)))
  const seq = (at % head) + 1
  return history.map((entry) =>
    entry.type === 'page' && entry.final && entry.roomId === ROOM
      ? { ...entry, messages: entry.messages.filter((message) => message.seq !== seq) }
      : entry,
  )
}
