/** Preloaded into a service whose clock is to be wrong: `ROOMLOG_CLOCK_SHIFT_MS` is added to the time of day. */
const shiftMs = Number(process.env.ROOMLOG_CLOCK_SHIFT_MS)
if (!Number.isSafeInteger(shiftMs))
  throw new Error('ROOMLOG_CLOCK_SHIFT_MS must be a whole number of milliseconds')

const { now } = Date

globalThis.Date = new Proxy(Date, {
  construct(target, args, newTarget) {
    return Reflect.construct(target, args.length === 0 ? [now() + shiftMs] : args, newTarget)
  },
  apply: () => new Date().toString(),
  get(target, key, receiver) {
    return key === 'now' ? () => now() + shiftMs : Reflect.get(target, key, receiver)
  },
})
