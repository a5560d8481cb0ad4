/** 32-bit murmur2 with Kafka's seed, as the Java client hashes keys (Austin Appleby, public domain). */
function murmur2(key: Buffer): number {
  const m = 0x5bd1e995
  let hash = 0x9747b28c ^ key.length
  const tail = key.length & ~3
  for (let i = 0; i < tail; i += 4) {
    let k = Math.imul(key.readInt32LE(i), m)
    k = Math.imul(k ^ (k >>> 24), m)
    hash = Math.imul(hash, m) ^ k
  }
  const rest = key.length - tail
  if (rest === 3) hash ^= (key[tail + 2] ?? 0) << 16
  if (rest >= 2) hash ^= (key[tail + 1] ?? 0) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (key[tail] ?? 0), m)
  hash = Math.imul(hash ^ (hash >>> 13), m)
  return hash ^ (hash >>> 15)
}

/** The partition of a key: the one that any Kafka client with the default partitioner would choose. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions
}
