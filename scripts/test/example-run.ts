import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { ROOT } from './running-roomlog.ts'

const PATIENCE = { timeout: 200_000, interval: 200 }

/** One of the SDK's examples, as somebody runs it in a terminal. */
export interface Example extends AsyncDisposable {
  readonly stdin: ChildProcess['stdin']
  readonly output: () => string
  readonly ended: Promise<unknown>
  shows(text: string): Promise<void>
}

/** Disposing ends it. */
export function runExample(name: string, args: readonly string[]): Example {
  const child = spawn(process.execPath, [join(ROOT, 'packages/client/examples', name), ...args])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = once(child, 'close')
  return {
    ...{ stdin: child.stdin, output: () => output, ended },
    shows: async (text) => {
      await vi.waitFor(() => expect(output).toContain(text), PATIENCE)
    },
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await ended
    },
  }
}
