import type { Live, Signals } from '@roomlog/live'
import type { FastifyBaseLogger } from 'fastify'

/** Publishes without waiting: what a signal tells of stands in the database, and stands without it. */
export function hint(
  signals: Live['signals'],
  signal: Parameters<Signals['publish']>[0],
  log: FastifyBaseLogger,
): void {
  signals.publish(signal).catch((err: unknown) => log.debug({ err }, `${signal.type} was not published`))
}
