import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { StartFailure } from './failure.ts'

const KEPT_LINES = 5

/**
 * Runs one of the scripts to its end, with `env` as all of its environment. Resolves with the last line of its standard
 * output; rejects with what it said last.
 */
export async function runCommand(
  file: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const child = spawn(process.execPath, [file], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  let [output, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const [code] = await once(child, 'close')
  if (code === 0) return lastLines(output, 1)
  throw new StartFailure(
    'command_failed',
    `${basename(file)} failed: ${lastLines(errors || output, KEPT_LINES)}\nMend that and start again.`,
  )
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n    ')
}
