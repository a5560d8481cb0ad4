/** How far this user has read, as the list of rooms has it. */
interface Position {
  readonly lastReadSeq: number
  readonly unreadCount: number
}

/**
 * Up to which seq all was read, for the line of what is new; undefined for none. The line stays where it was when
 * somebody came, though they read on; it goes when they answer, and another one comes when they have looked away.
 */
export type ReadLine = number | undefined

export function lineOnComing({ lastReadSeq, unreadCount }: Position): ReadLine {
  return unreadCount > 0 ? lastReadSeq : undefined
}

export function lineOnLookingAway(line: ReadLine, { lastReadSeq, unreadCount }: Position): ReadLine {
  return unreadCount > 0 ? line : lastReadSeq
}

export function lineOnLookingAgain(line: ReadLine, { unreadCount }: Position): ReadLine {
  return unreadCount > 0 ? line : undefined
}
