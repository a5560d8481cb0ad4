import { z } from 'zod'
import { idSchema } from '../ids.ts'

/** Text, as all of a query: the documents show it so. */
const LIMIT_DEFAULT = '50'
const LIMIT_MAX = 100
export const pageLimitSchema = z
  .string()
  .regex(/^[0-9]{1,3}$/, `must be 1 to ${LIMIT_MAX}`)
  .default(LIMIT_DEFAULT)
  .transform(Number)
  .pipe(z.int().min(1).max(LIMIT_MAX))

/** A list's page: `cursor` is what the page before gave as `nextCursor`. */
export const pageQuerySchema = z.strictObject({ cursor: idSchema.optional(), limit: pageLimitSchema })
