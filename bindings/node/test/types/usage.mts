// The same through `import` in an ES module.
import { Engine } from 'pointmill';

new Engine({ intervalS: 10 }).count('c').record(1);

import { Client, DeliveryDroppedError } from 'pointmill';
import { datadog, distribution, flush, sendDistributionMetric, sendDistributionMetricWithDate, stats } from 'pointmill/lambda';

export const handler = datadog(async (event: { id: string }) => {
  sendDistributionMetric('a', 1, 'b:c', event.id);
  sendDistributionMetricWithDate('a', 1, new Date(), 'b:c');
  distribution('held', 'b:c').record(stats().recorded);
  return { statusCode: (await flush()) ? 200 : 503 };
}, { apiKey: 'k', format: 'sketches', logger: console });

const client = new Client({ apiKey: 'k', site: 'datadoghq.eu', intervalS: 10, spoolDir: '/tmp' });
client.engine.count('c').record(client.stats().accepted);
client.close().catch((error: unknown) => { if (error instanceof DeliveryDroppedError) throw error; });
// @ts-expect-error a destination that does not exist
new Client({ destination: 'pigeon' });
