import { chmod, lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'

/**
 * The system's folders for temporary files, in order of preference: the one set for this process, then the one that
 * outlives a restart of the machine.
 */
export function temporaryFolders(): readonly string[] {
  return [...new Set([...(tmpdir() === '/tmp' ? [] : [tmpdir()]), '/var/tmp', '/tmp'])]
}

/**
 * Makes `path`, enterable by all and writable by this user alone. Resolves false when it cannot be, or when something
 * stands there that another user made or may change, such as a symbolic link waiting in a folder open to all.
 */
export async function makeSafeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o711 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    const found = await lstat(path)
    if (!found.isDirectory() || found.uid !== process.geteuid?.() || (found.mode & 0o022) !== 0) return false
    await chmod(path, 0o711)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT') throw error
    return false
  }
}
