import { graphql } from "./gql";

export const SignIn = graphql(`
  mutation SignIn($input: SessionCreateInput!) {
    sessionCreate(input: $input) {
      session {
        accessToken
        refreshToken
        refreshTokenExpiresAt
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const Refresh = graphql(`
  mutation Refresh($input: SessionRefreshInput!) {
    sessionRefresh(input: $input) {
      session {
        accessToken
        refreshToken
      }
      userErrors {
        code
      }
    }
  }
`);

export const SignOut = graphql(`
  mutation SignOut {
    sessionRevoke(input: {}) {
      userErrors {
        code
        message
      }
    }
  }
`);

export const Mine = graphql(`
  query Mine {
    viewer {
      id
      name
      shops {
        id
        handle
        name
        state
      }
      earnings {
        currency
        held {
          amount
          currency
        }
        available {
          amount
          currency
        }
      }
    }
  }
`);

export const Shops = graphql(`
  query Shops {
    shops(first: 20) {
      nodes {
        id
        handle
        name
        about
      }
    }
  }
`);

export const ShopPage = graphql(`
  query ShopPage($handle: String!, $after: String) {
    shop(handle: $handle) {
      id
      name
      about
      owner {
        id
        name
      }
      recommendations(first: 20, after: $after) {
        nodes {
          id
          note
          disclosure
          isOffered
          product {
            id
            title
            brand {
              id
              name
            }
            images {
              id
              url
              alt
            }
          }
          splits {
            variant {
              id
              title
              isAvailable
              lowestPrice30d {
                amount
                currency
              }
            }
            listPrice {
              amount
              currency
            }
            price {
              amount
              currency
            }
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`);

graphql(`
  fragment CartParts on Cart {
    id
    state
    email
    name
    deliveryAddress {
      line1
      postalCode
      city
      country
    }
    lines {
      id
      title
      variantTitle
      product {
        id
        optionNames
      }
      quantity
      disclosure
      shopName
      cost {
        total {
          amount
          currency
        }
      }
    }
    cost {
      subtotal {
        amount
        currency
      }
      discountTotal {
        amount
        currency
      }
      shippingTotal {
        amount
        currency
      }
      total {
        amount
        currency
      }
      vat {
        amount
        currency
      }
    }
    problems {
      code
      message
    }
  }
`);

export const CartShown = graphql(`
  query CartShown($id: ID!) {
    cart(id: $id) {
      ...CartParts
    }
  }
`);

export const CartCreate = graphql(`
  mutation CartCreate($input: CartCreateInput!) {
    cartCreate(input: $input) {
      cart {
        ...CartParts
      }
      guestSecret
      warnings {
        code
        message
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const CartLinesAdd = graphql(`
  mutation CartLinesAdd($input: CartLinesAddInput!) {
    cartLinesAdd(input: $input) {
      cart {
        ...CartParts
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const CartLinesRemove = graphql(`
  mutation CartLinesRemove($input: CartLinesRemoveInput!) {
    cartLinesRemove(input: $input) {
      cart {
        ...CartParts
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

/** Who buys, and where to: two mutations, carried out one after the other in one request. */
export const Deliver = graphql(`
  mutation Deliver($buyer: CartBuyerUpdateInput!, $address: CartDeliveryAddressUpdateInput!) {
    cartBuyerUpdate(input: $buyer) {
      userErrors {
        code
        message
        field
      }
    }
    cartDeliveryAddressUpdate(input: $address) {
      cart {
        ...CartParts
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const CheckoutStart = graphql(`
  mutation CheckoutStart($input: CheckoutStartInput!) {
    checkoutStart(input: $input) {
      order {
        id
        number
        checkoutUrl
        expiresAt
      }
      cart {
        ...CartParts
      }
      userErrors {
        code
        message
        field
      }
    }
  }
`);

export const OrderPage = graphql(`
  query OrderPage($id: ID!) {
    order(id: $id) {
      id
      number
      paymentStatus
      fulfillmentStatus
      checkoutUrl
      cost {
        total {
          amount
          currency
        }
      }
      lines {
        id
        title
        quantity
      }
    }
  }
`);
