// The no-code entry. Set the function's handler to node_modules/pointmill/lambda/handler.handler and
// DD_LAMBDA_HANDLER to its own handler, for instance app.handler.
import { wrapConfigured } from '../lib/lambda/configured.js';

export const handler = await wrapConfigured(process.env);
