// A shop's page as a Relay frontend writes it: fragments per component, a list that is read on page by page, an object
// that is fetched again by its id, and a mutation that puts what it made into the list.
import { graphql } from "relay-runtime";

export const page = graphql`
  query ShopPageQuery($handle: String!, $count: Int!) {
    shop(handle: $handle) {
      id
      ...ShopPage_header
      ...ShopPage_list @arguments(count: $count)
    }
    viewer {
      id
      name
    }
  }
`;

export const header = graphql`
  fragment ShopPage_header on Shop @refetchable(queryName: "ShopPageHeaderRefetchQuery") {
    name
    about
    publishedAt
    owner {
      id
      name
    }
  }
`;

export const list = graphql`
  fragment ShopPage_list on Shop
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "ShopPageListQuery") {
    recommendations(first: $count, after: $cursor) @connection(key: "ShopPage_recommendations") {
      edges {
        node {
          id
          ...ShopPage_card
        }
      }
    }
  }
`;

export const card = graphql`
  fragment ShopPage_card on Recommendation {
    note
    disclosure
    priceFrom {
      ...ShopPage_money @relay(mask: false)
    }
    product {
      id
      title
      isAvailable
      brand {
        id
        name
      }
    }
  }
`;

export const money = graphql`
  fragment ShopPage_money on Money {
    amount
    currency
  }
`;

export const any = graphql`
  query ShopPageAnyQuery($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Product @alias(as: "product") {
        title
      }
    }
  }
`;

export const recommend = graphql`
  mutation ShopPageRecommendMutation($input: RecommendationAddInput!, $connections: [ID!]!) {
    recommendationAdd(input: $input) {
      recommendation @appendNode(connections: $connections, edgeTypeName: "RecommendationEdge") {
        id
        ...ShopPage_card
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`;
