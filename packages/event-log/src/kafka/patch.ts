import { createRequire } from 'node:module'

/** What changes a class of kafkajs's own, named by its module, at the first call of a process; further calls do nothing. */
export function patchOnce<T>(module: string, patch: (prototype: T) => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    const { prototype } = createRequire(import.meta.url)(`kafkajs/src/${module}`) as { prototype: T }
    patch(prototype)
  }
}
