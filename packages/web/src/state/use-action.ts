import { useCallback, useState } from 'react'

export interface Action<A extends readonly unknown[]> {
  readonly run: (...given: A) => Promise<void>
  readonly isRunning: boolean
  /** What the latest run threw. */
  readonly error: unknown
  readonly clear: () => void
}

/** Something that takes a while and may fail; while it runs it is not begun again. */
export function useAction<A extends readonly unknown[]>(act: (...given: A) => Promise<void>): Action<A> {
  const [state, setState] = useState<{ isRunning: boolean; error: unknown }>({
    isRunning: false,
    error: undefined,
  })
  const { isRunning, error } = state
  const run = async (...given: A) => {
    if (isRunning) return
    setState({ isRunning: true, error: undefined })
    try {
      await act(...given)
      setState({ isRunning: false, error: undefined })
    } catch (thrown) {
      setState({ isRunning: false, error: thrown })
    }
  }
  const clear = useCallback(() => setState({ isRunning: false, error: undefined }), [])
  return { run, isRunning, error, clear }
}
