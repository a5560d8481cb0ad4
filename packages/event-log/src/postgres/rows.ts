/** A row of `engine.log_records`. */
export interface RecordRow {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly headers: Record<string, string>
  readonly value: Buffer | null
}

/** Rows that are ordered by partition and offset, as records of each partition. */
export function byPartition<R extends RecordRow>(rows: readonly R[]) {
  type Found = Omit<R, 'partition' | 'offset'> & { readonly offset: bigint }
  const found = new Map<number, Found[]>()
  for (const { partition, offset, ...record } of rows) {
    const records = found.get(partition) ?? []
    found.set(partition, records)
    records.push({ ...record, offset: BigInt(offset) })
  }
  return found
}
