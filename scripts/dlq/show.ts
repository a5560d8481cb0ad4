import type { LogReader } from '@roomlog/event-log'
import { EXIT, type ExitCode } from '../operator/failure.ts'
import { printable } from '../operator/printable.ts'
import { type Letter, type LetterPosition, positionText, readLetter } from './letter.ts'

const HEX_WIDTH = 16

/** Prints one dead letter, or with `isRaw` writes its bytes and nothing else. Exit code 1: none stands there. */
export async function show(reader: LogReader, position: LetterPosition, isRaw: boolean): Promise<ExitCode> {
  const letter = await readLetter(reader, position)
  if (letter === undefined) {
    console.error(`dlq: no dead letter stands at ${positionText(position)}. See: npm run dlq -- list`)
    return EXIT.findings
  }
  const bytes = letter.record.value ?? Buffer.alloc(0)
  if (isRaw) await write(bytes)
  else console.log([...headOf(letter), '', ...bytesOf(bytes)].join('\n'))
  return EXIT.clean
}

function write(bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()))
  return promise
}

function headOf(letter: Letter): readonly string[] {
  const { record, decoded } = letter
  const reading =
    decoded.kind === 'event'
      ? 'can be read'
      : decoded.kind === 'newer'
        ? `of version ${decoded.version}, which this build does not know`
        : `cannot be read: ${decoded.reason}`
  return [
    `position: ${positionText(letter)}`,
    `at: ${record.at.toISOString()}`,
    `key: ${printable(record.key ?? '')}`,
    ...Object.entries(record.headers).map(([name, text]) => `header ${printable(name)}: ${printable(text)}`),
    `bytes: ${record.value?.length ?? 0}, ${printable(reading)}`,
  ]
}

/** As text where all of it can be shown, else as a hexadecimal dump. */
export function bytesOf(bytes: Buffer): readonly string[] {
  const text = textOf(bytes)
  if (text !== undefined && printable(text) === text) return text === '' ? [] : [text]
  return Array.from({ length: Math.ceil(bytes.length / HEX_WIDTH) }, (_, row) => {
    const part = bytes.subarray(row * HEX_WIDTH, (row + 1) * HEX_WIDTH)
    const hex = [...part].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const shown = part.toString('latin1').replace(/[^\x20-\x7e]/g, '.')
    return `${(row * HEX_WIDTH).toString(16).padStart(8, '0')}  ${hex.padEnd(HEX_WIDTH * 3 - 1)}  ${shown}`
  })
}

function textOf(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
