import { forgetKept, keep, readKept } from '../state/kept.ts'

// What somebody has begun to write, of each room.

const PREFIX = 'roomlog.draft.'

export function readDraft(userId: string, roomId: string): string {
  return readKept(`${PREFIX}${userId}.${roomId}`) ?? ''
}

export function keepDraft(userId: string, roomId: string, text: string): void {
  keep(`${PREFIX}${userId}.${roomId}`, text.trim() === '' ? undefined : text)
}

export function forgetDrafts(userId: string): void {
  forgetKept(`${PREFIX}${userId}.`)
}
