import type { ApiEndpoint, Service } from '../../src/core/catalog/service.ts';
import {
  accountModelList,
  chat,
  completions,
  embeddings,
  openAiBodyAnd,
  plainResponseHeaders,
  rateResponseHeaders,
  responses,
  sdkAccountHeaders,
  sdkRequestHeaders,
  withDeployment,
  withVersion,
} from '../formats/openai.ts';
import { longestAnswers, pictures, searchingModels } from '../formats/openai-models.ts';

/** Data of the account that a request names, which Azure reads in its own name: https://learn.microsoft.com/azure/ai-foundry/openai/references/on-your-data */
const body = openAiBodyAnd({ wholeReferenceKeys: ['data_sources', 'dataSources'] });

/** A resource takes its key in a header of Azure's own; models are called by the names of its deployments. */
function resource(path: string): ApiEndpoint {
  return { baseUrl: { setting: 'endpoint', path }, modelNames: 'deploymentMappings', keyHeader: 'api-key', keyPrefix: '', keyField: 'api_key', body };
}

/**
 * https://learn.microsoft.com/azure/ai-foundry/openai/reference: each resource has a host of its own, deployments have names of their own. Its API of version 1 is
 * OpenAI's (https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle); the older form has the deployment in the path.
 */
export const azureOpenai: Service = {
  id: 'azure-openai',
  name: 'Azure OpenAI',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^\\w{32,}$', environment: 'AZURE_OPENAI_API_KEY' }],
  settings: [
    {
      name: 'endpoint',
      kind: 'https-url',
      required: true,
      // The clouds' own: https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure, https://learn.microsoft.com/azure/china/resources-developer-guide
      hostSuffixes: ['.openai.azure.com', '.cognitiveservices.azure.com', '.services.ai.azure.com', '.openai.azure.us', '.openai.azure.cn'],
    },
    { name: 'deploymentMappings', kind: 'text-map', required: false },
  ],
  gateway: {
    endpoints: { openai: resource('/openai/v1'), azure: resource('/openai') },
    defaultModel: 'gpt-4o-mini',
    routes: [
      chat,
      completions,
      embeddings,
      responses,
      accountModelList,
      withDeployment(chat),
      withDeployment(completions),
      withDeployment(embeddings),
      withVersion(responses),
      withVersion(accountModelList),
    ],
    longestAnswers,
    pictures,
    searchingModels,
    accountModels: ['ft:*', '*.ft-*'],
    requestHeaders: [...sdkRequestHeaders, 'openai-beta', 'x-ms-client-request-id'],
    accountHeaders: sdkAccountHeaders,
    responseHeaders: plainResponseHeaders,
    accountResponseHeaders: [...rateResponseHeaders, 'x-ms-region', 'x-ms-deployment-name'],
    requestIdHeader: 'apim-request-id',
  },
};
