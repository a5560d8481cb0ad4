const DAY_MS = 24 * 60 * 60 * 1000

/** The log's topics. Every record of a room has the room's id as its key, so a room lives in one partition of each. */
export const TOPICS = {
  created: { name: 'chat.messages.v1', retentionMs: 7 * DAY_MS },
  persisted: { name: 'chat.messages.persisted.v1', retentionMs: DAY_MS },
  deadLetters: { name: 'chat.messages.dlq.v1', retentionMs: 30 * DAY_MS },
} as const

export type Topic = keyof typeof TOPICS

export const PARTITIONS_DEFAULT = 12

/** The one group that stores messages; all persisters share it. */
export const PERSISTER_GROUP = 'chat-persistor'

/** How far `npm run audit` has compared the log with the database of this epoch, which keeps it. */
export function auditGroup(epoch: string): string {
  return `chat-auditor.${epoch}`
}

/** How far `npm run dlq -- replay` has given dead letters back. */
export const REPLAY_GROUP = 'chat-replayer'

/** Every edge reads all persisted messages, so each has a group of its own. */
export function broadcastGroup(edgeId: string): string {
  return `chat-broadcast.${edgeId}`
}

/** The name of a topic or group on servers that several installations share. */
export function namespaced(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}.${name}`
}
