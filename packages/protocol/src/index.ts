export { type DecodedFrame, decodeClientFrame } from './decode-frame.ts'
export { type ClientFrameSchemas, clientFrameSchemas } from './frames.ts'
export { clientMsgIdSchema, idSchema, newId, pooledRandom } from './ids.ts'
export { limitSettings, limitsOf } from './limit-settings.ts'
export { messageSchema, seqSchema } from './message.ts'
export {
  configAnswerSchema,
  createRoomBodySchema,
  displayNameSchema,
  errorSchema,
  healthAnswerSchema,
  historyAnswerSchema,
  historyQuerySchema,
  joinAnswerSchema,
  limitsSchema,
  loginBodySchema,
  pageLimitSchema,
  pageQuerySchema,
  passwordSchema,
  registerBodySchema,
  roleSchema,
  roomAnswerSchema,
  roomNameSchema,
  roomParamsSchema,
  roomSchema,
  roomsAnswerSchema,
  SEQ_CURSOR,
  sessionSchema,
  usernameSchema,
  userSchema,
  visibilitySchema,
} from './rest.ts'
export { isStorable, storableName, storableText } from './text.ts'
export * from './wire.ts'
