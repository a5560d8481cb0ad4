import { Counter, counterBy, gauge, type Registry } from '@roomlog/service-kit'
import type { SlotCounts } from './slots.ts'

export type ApiMetrics = ReturnType<typeof createApiMetrics>

/** What the api counts beside its requests, in `registry`. `hashing` is asked at each scrape. */
export function createApiMetrics(registry: Registry, hashing: () => SlotCounts) {
  gauge(registry, 'roomlog_api_hashes_running', 'Passwords being hashed', () => hashing().running)
  gauge(
    registry,
    'roomlog_api_hashes_waiting',
    'Who waits for a password to be hashed',
    () => hashing().waiting,
  )
  return {
    registrations: new Counter({
      name: 'roomlog_api_registrations_total',
      help: 'Accounts made',
      registers: [registry],
    }),
    logins: counterBy(
      registry,
      {
        name: 'roomlog_api_logins_total',
        help: 'Logins whose password was looked at, by result; what was refused before is in the requests',
        label: 'result',
      },
      ['succeeded', 'refused'],
    ),
  }
}
