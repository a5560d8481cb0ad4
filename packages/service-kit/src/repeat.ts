export interface Repeating {
  /** Resolves when a run under way has ended; none begins after it was called. */
  stop(): Promise<void>
}

/** Runs `work` again and again, `intervalMs` from the end of one run to the beginning of the next; `work` must not reject. */
export function repeatEvery(intervalMs: number, work: () => Promise<void>): Repeating {
  let running: Promise<void> = Promise.resolve()
  let stopped = false
  let timer: NodeJS.Timeout
  const schedule = () => {
    timer = setTimeout(() => {
      running = work().then(() => {
        if (!stopped) schedule()
      })
    }, intervalMs)
  }
  schedule()
  return {
    stop: () => {
      stopped = true
      clearTimeout(timer)
      return running
    },
  }
}
