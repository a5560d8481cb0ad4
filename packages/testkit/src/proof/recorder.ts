import { closeSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Entry, monotonicMs } from './history.ts'

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
export async function readHistory(folder: string): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for (const name of readdirSync(folder).filter((it) => it.endsWith('.jsonl'))) {
    await using file = await open(join(folder, name))
    let torn: string | undefined
    for await (const line of file.readLines()) {
      if (torn !== undefined) throw new SyntaxError(`${name} has a line that is no JSON: ${torn}`)
      try {
        entries.push(JSON.parse(line) as Entry)
      } catch {
        torn = line
      }
    }
  }
  // A stable sort: what one client wrote at one time stays in its order.
  return entries.sort((a, b) => a.t - b.t)
}
