export type EventLogErrorCode =
  | 'topic_missing'
  | 'partition_mismatch'
  | 'not_permitted'
  | 'group_in_use'
  | 'bad_settings'
  | 'closed'

/** The log cannot be used as it is set up; waiting does not help. */
export class EventLogError extends Error {
  override readonly name = 'EventLogError'
  readonly code: EventLogErrorCode

  constructor(code: EventLogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** What is wrong with a topic of `found` partitions (0: it does not exist) where `wanted` are set; undefined: nothing. */
export function topicProblem(topic: string, found: number, wanted: number): EventLogError | undefined {
  if (found === wanted) return undefined
  if (found === 0)
    return new EventLogError('topic_missing', `The topic ${topic} does not exist. Run: npm run topics`)
  return new EventLogError(
    'partition_mismatch',
    `The topic ${topic} has ${found} partitions, but ${wanted} are set. Set PARTITIONS to ${found}: a key's records must stay in one partition, so npm run topics never changes the number.`,
  )
}

export function groupInUse(group: string, members: number): EventLogError {
  return new EventLogError(
    'group_in_use',
    `The consumer group ${group} has ${members} ${members === 1 ? 'member' : 'members'}. Stop whoever reads as one of it; who was killed counts for 10 s more.`,
  )
}

export function noServer(engine: string): EventLogError {
  return new EventLogError('bad_settings', `The engine ${engine} was given no server.`)
}
