/** Of one turn of the event loop: about 1000 sockets. */
const TURN_MS = 10
const BETWEEN_LOOKS = 32

export interface AtTurnEnd {
  endTurn(): void
}

const waiting: AtTurnEnd[] = []

/**
 * Calls back at the end of this turn of the event loop, when all that it brought was handled. Where very many wait, some
 * are called in each turn, in the order in which they came.
 */
export function atTurnEnd(it: AtTurnEnd): void {
  if (waiting.push(it) === 1) setImmediate(endTurn)
}

function endTurn(): void {
  const untilMs = performance.now() + TURN_MS
  let done = 0
  for (const it of waiting) {
    if (done > 0 && done % BETWEEN_LOOKS === 0 && performance.now() > untilMs) break
    it.endTurn()
    done += 1
  }
  waiting.splice(0, done)
  if (waiting.length > 0) setImmediate(endTurn)
}
