import { spawn } from 'node:child_process'
import { once } from 'node:events'

const READY_TIMEOUT_MS = 60_000
const KEPT_OUTPUT_CHARS = 2000

// Standard input ends when this process does, however that happens, and takes the server and its folder along. Builtins
// only, and descriptor 3, because a background command would read /dev/null.
const WATCHED = `
folder=$1; shift
command -v "$1" >/dev/null || { echo 'not on PATH'; exit 1; }
exec 3<&0
"$@" & server=$!
(read -r _ <&3; kill "$server" 2>/dev/null) >/dev/null 2>&1 &
wait "$server"
[ -z "$folder" ] || rm -rf "$folder"`

export type NativeOptions = {
  /** What the server prints when it can be used. */
  readonly readyLine: string
  /** Working folder of the server's own, removed when it has ended. */
  readonly folder?: string
}

/**
 * Runs a server as a child until `stop`. Throws, with the end of what it printed, when the program is not on PATH, ends,
 * or is not ready within 60 s.
 */
export async function startNative(
  command: string,
  args: readonly string[],
  { readyLine, folder }: NativeOptions,
): Promise<{ readonly stop: () => Promise<void> }> {
  const child = spawn('/bin/sh', ['-c', WATCHED, 'sh', folder ?? '', command, ...args], {
    // Ctrl-C reaches the whole group of a terminal; this shell has to outlive it.
    detached: true,
    ...(folder === undefined ? {} : { cwd: folder }),
  })
  const exited = once(child, 'exit')
  const ready = Promise.withResolvers<void>()
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT_CHARS)
      if (output.includes(readyLine)) ready.resolve()
    })
  }
  const stop = async () => {
    child.stdin.end()
    await exited
  }
  const refuse = (why: string) =>
    ready.reject(new Error(`${command} did not start (${[why, output.trim()].filter(Boolean).join(': ')})`))
  const timer = setTimeout(refuse, READY_TIMEOUT_MS, `not ready after ${READY_TIMEOUT_MS} ms`)
  child.once('close', () => refuse(''))
  try {
    await ready.promise
    return { stop }
  } catch (error) {
    await stop()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
