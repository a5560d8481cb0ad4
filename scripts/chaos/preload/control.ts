/**
 * Preloaded into services of a control: replaces pieces of the sources as they are loaded, as `ROOMLOG_CONTROL` names
 * it. So what is broken on purpose stands in no source that is shipped.
 */
import { registerHooks } from 'node:module'
import { CONTROLS, isControl, type Patch } from '../controls.ts'

const ROOT = new URL('../../../', import.meta.url).href
const name = process.env.ROOMLOG_CONTROL ?? ''
if (!isControl(name)) throw new Error(`no control ${name}`)
const patches: readonly Patch[] = CONTROLS[name].patches

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const own = patches.filter(({ file }) => url === ROOT + file)
    if (own.length === 0) return loaded
    const source = own.reduce((text, { file, find, replace }) => {
      if (!text.includes(find))
        throw new Error(`control ${name}: ${file} has changed, "${find}" is not there`)
      return text.replace(find, () => replace)
    }, String(loaded.source))
    return { ...loaded, source }
  },
})
