import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { processStamp } from './processes.ts'

export interface FolderLock {
  release(): Promise<void>
}

const OWNER_FILE = 'owner'

/**
 * Takes the lock at `path`, a folder that names the process holding it; a lock whose process has died is taken over.
 * Resolves with the lock, or with the id of the live process that has it.
 */
export async function takeFolderLock(path: string): Promise<FolderLock | { readonly heldBy: number }> {
  const mine = `${process.pid} ${await processStamp(process.pid)}`
  for (;;) {
    if (await putInPlace(path, mine)) return { release: () => putAway(path, mine) }
    const owner = await ownerOf(path)
    if (owner === undefined) continue
    const [pid, stamp] = owner.split(' ')
    if ((await processStamp(Number(pid))) === stamp) return { heldBy: Number(pid) }
    await putAway(path, owner)
  }
}

// A rename onto a folder that is not empty fails: the lock appears at once and with its owner in it, or not at all.
async function putInPlace(path: string, owner: string): Promise<boolean> {
  const draft = `${path}.${randomUUID()}`
  await mkdir(draft, { mode: 0o755 })
  try {
    await writeFile(join(draft, OWNER_FILE), owner)
    await rename(draft, path)
    return true
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false
    throw error
  }
}

async function ownerOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(path, OWNER_FILE), 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Removes the lock if it still is `owner`'s; between a look and the rename it may have become another's. */
async function putAway(path: string, owner: string): Promise<void> {
  const trash = `${path}.${randomUUID()}`
  try {
    await rename(path, trash)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return
    throw error
  }
  if ((await ownerOf(trash)) === owner) await rm(trash, { recursive: true, force: true })
  else await rename(trash, path)
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
