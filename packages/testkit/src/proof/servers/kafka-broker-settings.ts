import { BROKER_SETTINGS } from '../../kafka-settings.ts'
import type { BrokerPlace } from './controlled-kafka.ts'

/** Of three brokers one may be lost without a word. */
const MIN_IN_SYNC = 2

/** Settings of one of `places`: clients reach it through its relay, checks and the other brokers directly. */
export function brokerSettings(
  { id, direct, proxied, controller, relay }: BrokerPlace,
  places: readonly BrokerPlace[],
): Readonly<Record<string, string>> {
  const copies = String(places.length)
  const needed = String(places.length === 1 ? 1 : MIN_IN_SYNC)
  return {
    ...BROKER_SETTINGS,
    'node.id': String(id),
    'controller.quorum.voters': places.map((it) => `${it.id}@${it.controller}`).join(),
    'listener.security.protocol.map': 'DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: `DIRECT://${direct},PROXIED://${proxied},CONTROLLER://${controller}`,
    'advertised.listeners': `DIRECT://${direct},PROXIED://${new URL(relay.url).host}`,
    'inter.broker.listener.name': 'DIRECT',
    'default.replication.factor': copies,
    'min.insync.replicas': needed,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': needed,
  }
}
