import { z } from 'zod'

/** Where a message's way through the house can break off, in the order it gets there. */
const CRASH_POINTS = [
  'after_produce_before_ack',
  'after_db_commit',
  'before_publish',
  'after_publish_before_offset_commit',
  'mid_drain',
] as const
type CrashPoint = (typeof CRASH_POINTS)[number]

/** `before_publish`, or `before_publish:7` for the seventh time that the process comes there. */
const FORM = new RegExp(`^(${CRASH_POINTS.join('|')})(?::([1-9][0-9]{0,5}))?$`)

export const crashAtSetting = z
  .string()
  .regex(FORM, `must be one of ${CRASH_POINTS.join(', ')}, with :n for its n-th pass`)
  .optional()
  .describe(
    'For fault tests, refused in production: the process ends as by kill -9 at this point, as in before_publish:7',
  )

let armed: { readonly point: string; passesLeft: number } | undefined

/** Once, before the service does anything. `setting` was checked by `crashAtSetting`. */
export function armCrashPoint(setting: string | undefined): void {
  const [, point, pass = '1'] = FORM.exec(setting ?? '') ?? []
  armed = point === undefined ? undefined : { point, passesLeft: Number(pass) }
}

/** Nothing, but in a process that a fault test told to end here. */
export function crashPoint(point: CrashPoint): void {
  if (armed?.point !== point) return
  armed.passesLeft -= 1
  if (armed.passesLeft === 0) process.kill(process.pid, 'SIGKILL')
}
