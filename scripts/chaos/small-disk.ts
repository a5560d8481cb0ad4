import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** A file system of its own that can be filled. It is gone when this process ends, however that ends. */
export interface SmallDisk extends AsyncDisposable {
  readonly folder: string
  /** Leaves not a page free. Done again it takes what became free meanwhile. */
  fill(): Promise<void>
  free(): Promise<void>
}

const FIRST_CHUNK_BYTES = 1024 * 1024
const PAGE_BYTES = 4096
/** Keeps the mount until the pipe from here ends. */
const KEEPER = `
mount -t tmpfs -o size="$2",mode=0711,nosuid,nodev roomlog-chaos "$1" || { rmdir "$1"; exit 1; }
echo mounted
read -r _
umount "$1" 2>/dev/null || umount -l "$1"
rmdir "$1"`

/** Rejects with a sentence where nothing may be mounted. */
export async function mountSmallDisk(bytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'roomlog-chaos-disk-'))
  const keeper = spawn('/bin/sh', ['-c', KEEPER, 'sh', folder, String(bytes)], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const said = text(keeper.stderr)
  const ended = once(keeper, 'exit')
  const isMounted = await Promise.race([
    once(keeper.stdout, 'data').then(() => true),
    ended.then(() => false),
  ])
  if (!isMounted) {
    throw new Error(
      `a full disk needs a small file system of its own, and none could be mounted here (${(await said).trim()}): run it as root on Linux, where mount is permitted`,
    )
  }
  const ballast = join(folder, 'ballast')
  return {
    folder,
    fill: () => fill(ballast),
    free: () => rm(ballast, { force: true }),
    [Symbol.asyncDispose]: async () => {
      keeper.stdin.end()
      await ended
    },
  }
}

async function fill(ballast: string): Promise<void> {
  const file = await open(ballast, 'a')
  try {
    for (let bytes = FIRST_CHUNK_BYTES; bytes >= PAGE_BYTES; bytes /= 2) {
      const chunk = Buffer.alloc(bytes)
      while (await fits(file.write(chunk)));
    }
  } finally {
    await file.close()
  }
}

async function fits(writing: Promise<unknown>): Promise<boolean> {
  try {
    await writing
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}
