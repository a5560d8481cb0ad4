import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Entry, isSameRow, monotonicMs, type Seen } from './history.ts'

type Distributed<T> = T extends unknown ? Omit<T, 't'> : never
/** An entry before it is stamped. */
export type Unstamped = Distributed<Entry>

/** The history of one client, or of the nemesis. */
export interface Recording {
  /** Stamps and writes the entry; returns its time. */
  write(entry: Unstamped): number
}

/** What was only seen may wait a moment. An invocation never does: its effect could outlive a process that forgot it. */
const MAY_WAIT: ReadonlySet<Entry['type']> = new Set(['live', 'page', 'cursor', 'presence'])
const WAIT_MS = 50

/** Writes a run's history, one JSONL file for each client, as it happens. */
export class Recorder {
  readonly #folder: string
  readonly #files = new Map<string, HistoryFile>()

  private constructor(folder: string) {
    this.#folder = folder
  }

  static open(folder: string): Recorder {
    mkdirSync(folder, { recursive: true })
    return new Recorder(folder)
  }

  of(client: string): Recording {
    const known = this.#files.get(client)
    if (known !== undefined) return known
    const made = new HistoryFile(join(this.#folder, `${client}.jsonl`))
    this.#files.set(client, made)
    return made
  }

  close(): void {
    for (const file of this.#files.values()) file.close()
  }
}

class HistoryFile implements Recording {
  readonly #fd: number
  #lines = ''
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(path: string) {
    this.#fd = openSync(path, 'a')
  }

  write(entry: Unstamped): number {
    const t = monotonicMs()
    // What still comes after the end of a run is not part of it.
    if (this.#isClosed) return t
    this.#lines += `${JSON.stringify({ t, ...entry })}\n`
    if (MAY_WAIT.has(entry.type)) this.#timer ??= setTimeout(() => this.#flush(), WAIT_MS)
    else this.#flush()
    return t
  }

  close(): void {
    if (this.#isClosed) return
    this.#flush()
    this.#isClosed = true
    closeSync(this.#fd)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#lines !== '' && !this.#isClosed) writeSync(this.#fd, this.#lines)
    this.#lines = ''
  }
}

/** All entries of a folder in the order of their times. A last line that was torn by the end of its writer is left out. */
export function readHistory(folder: string): readonly Entry[] {
  const entries: Entry[] = []
  const interned = new Interned()
  for (const name of readdirSync(folder).filter((it) => it.endsWith('.jsonl'))) {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n')
    if (lines.at(-1) === '') lines.pop()
    for (const [i, line] of lines.entries()) {
      try {
        entries.push(interned.entry(JSON.parse(line)))
      } catch {
        if (i < lines.length - 1) throw new SyntaxError(`${name} has a line that is no JSON: ${line}`)
      }
    }
  }
  // A stable sort: what one client wrote at one time stays in its order.
  return entries.sort((a, b) => a.t - b.t)
}

/** Equal rows become one: each is seen by everybody in its room and again in pages, and would be most of the memory. */
class Interned {
  readonly #rows = new Map<string, Seen>()
  readonly #rooms = new Map<string, string>()

  entry(entry: Entry): Entry {
    if (entry.type === 'page') return { ...entry, messages: entry.messages.map((row) => this.#row(row)) }
    if (entry.type !== 'live') return entry
    const { id, senderId, clientMsgId, body } = this.#row(entry)
    return { ...entry, roomId: this.#room(entry.roomId), id, senderId, clientMsgId, body }
  }

  #row(seen: Seen): Seen {
    const known = this.#rows.get(seen.id)
    if (known !== undefined && isSameRow(known, seen)) return known
    const { seq, id, senderId, clientMsgId, body } = seen
    const row = { seq, id, senderId, clientMsgId, body }
    if (known === undefined) this.#rows.set(id, row)
    return row
  }

  #room(roomId: string): string {
    const known = this.#rooms.get(roomId)
    if (known === undefined) this.#rooms.set(roomId, roomId)
    return known ?? roomId
  }
}
