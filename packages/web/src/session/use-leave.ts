import { createContext, useContext } from 'react'

export const LeaveContext = createContext<() => Promise<void>>(async () => undefined)

/** Signs out, as somebody wishes. */
export function useLeave(): () => Promise<void> {
  return useContext(LeaveContext)
}
