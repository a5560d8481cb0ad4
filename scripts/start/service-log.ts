import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** A service's full log in a file, kept below twice the bound; what is serious also goes to the terminal. */
export interface ServiceLog {
  /** Takes over everything that the stream says until it ends. */
  follow(stream: Readable): void
  /** The last lines that say something, as text. */
  tail(): readonly string[]
  close(): void
}

const MAX_FILE_BYTES = 8 * 1024 * 1024
const TAIL_LINES = 5
/** What a service says each second while a server is away is no news. */
const SHOWN_AGAIN_AFTER_MS = 60_000
const WARN_LEVEL = 40
// What surrounds the message when Node reports a crash.
const NOISE = /^\s*$|^\s+at |^node:|^file:|^\s+(throw|\^)|^Node\.js v|^\s*[{}]|^ {2}(code|url): /
const LEVEL_NAMES: Readonly<Record<number, string>> = { 40: 'warn', 50: 'error', 60: 'fatal' }

export function openServiceLog(path: string, show: (line: string) => void): ServiceLog {
  const file = boundedFile(path, (error) => show(`its log cannot be written (${error.code})`))
  let tail: readonly string[] = []
  let shown = { text: '', at: Number.NEGATIVE_INFINITY }
  const take = (line: string) => {
    file.write(`${line}\n`)
    const { isSerious, text } = readable(line)
    const isNews = text !== shown.text || performance.now() - shown.at > SHOWN_AGAIN_AFTER_MS
    if (isSerious && isNews) {
      show(text)
      shown = { text, at: performance.now() }
    }
    if (!NOISE.test(text)) tail = [...tail, text].slice(-TAIL_LINES)
  }
  return {
    follow: (stream) =>
      void createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', take),
    tail: () => tail,
    close: file.close,
  }
}

/** A line of pino's JSON as text. Anything else, such as Node's own words about a crash, is told with the end of the process. */
export function readable(line: string): { readonly isSerious: boolean; readonly text: string } {
  const record = parseRecord(line)
  if (record === undefined) return { isSerious: false, text: line }
  const reason = record.err?.message === undefined ? '' : `: ${record.err.message}`
  const text = `${LEVEL_NAMES[record.level] ?? 'info'} ${record.msg ?? ''}${reason}`
  return { isSerious: record.level >= WARN_LEVEL, text }
}

interface LogRecord {
  readonly level: number
  readonly msg?: string
  readonly err?: { readonly message?: string }
}

function parseRecord(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const record = JSON.parse(line)
    return typeof record.level === 'number' ? record : undefined
  } catch {
    return undefined
  }
}

// A full disk costs the log's lines, said once; chat goes on.
function boundedFile(path: string, onFirstError: (error: NodeJS.ErrnoException) => void) {
  let size = 0
  let failed = false
  const open = (flags: 'a' | 'w'): WriteStream => {
    const stream = createWriteStream(path, { flags, mode: 0o600 })
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!failed) onFirstError(error)
      failed = true
    })
    return stream
  }
  mkdirSync(dirname(path), { recursive: true })
  size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  let stream = open('a')
  const write = (text: string) => {
    size += Buffer.byteLength(text)
    if (size > MAX_FILE_BYTES && !failed) {
      stream.end()
      renameSync(path, `${path}.1`)
      stream = open('w')
      size = 0
    }
    stream.write(text)
  }
  return { write, close: () => void stream.end() }
}
