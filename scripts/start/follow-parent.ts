/** Preloaded (`--import`) into child processes: stops them when their parent ends, even by kill -9. */
import { Socket } from 'node:net'

const LIFELINE = 'ROOMLOG_LIFELINE_FD'
/** Longer than a clean stop of any child takes. */
const STOP_TIMEOUT_MS = 60_000

const descriptor = process.env[LIFELINE]
// Worker threads and further children take over the preload, but have no such descriptor.
delete process.env[LIFELINE]
if (descriptor !== undefined) follow(Number(descriptor))

function follow(fd: number): void {
  let ended = false
  const stop = () => {
    if (ended) return
    ended = true
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), STOP_TIMEOUT_MS).unref()
    process.kill(process.pid, 'SIGTERM')
  }
  const lifeline = new Socket({ fd, readable: true, writable: false })
  lifeline.on('error', stop).on('end', stop).on('close', stop)
  lifeline.resume().unref()
}
