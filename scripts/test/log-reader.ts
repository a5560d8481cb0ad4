import type { LogReader } from '@roomlog/event-log'

const EMPTY: LogReader = {
  partitions: 1,
  bounds: async () => new Map(),
  offsetsAt: async () => new Map(),
  read: async () => undefined,
  positions: async () => new Map(),
  commit: async () => undefined,
  members: async () => 0,
  rewind: async () => undefined,
  close: async () => undefined,
}

/** `reader`, by default that of an empty log of one partition, which does some things otherwise. */
export function readerWith(changes: Partial<LogReader>, reader: LogReader = EMPTY): LogReader {
  return {
    partitions: reader.partitions,
    bounds: reader.bounds.bind(reader),
    offsetsAt: reader.offsetsAt.bind(reader),
    read: reader.read.bind(reader),
    positions: reader.positions.bind(reader),
    commit: reader.commit.bind(reader),
    close: reader.close.bind(reader),
    members: reader.members.bind(reader),
    rewind: reader.rewind.bind(reader),
    ...changes,
  }
}
